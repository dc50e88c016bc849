use crate::ids::UserId;
use crate::sync::test_support::World;
use sqlx::PgPool;
use std::sync::atomic::Ordering;

async fn members(world: &World) -> Vec<Vec<String>> {
    sqlx::query_scalar(
        "select a.members from documents d join access_sets a on a.id = d.access_set_id order by d.native_id::bigint",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap()
}

#[sqlx::test]
async fn a_shared_file_is_one_document_with_two_readers(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.cloud.put("bob", "/own.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    let vectors = world.embedder.texts.load(Ordering::SeqCst);

    world.cloud.share("alice", "/x.md", "bob", "/Shared/x.md");
    world.enqueue("bob").await;
    world.scan().await;
    world.settle().await;
    assert_eq!(members(&world).await, [vec!["alice", "bob"], vec!["bob"]]);
    world.assert_index_true().await;
    let now = world.embedder.texts.load(Ordering::SeqCst);
    assert_eq!(now - vectors, 1, "the shared file was embedded once");

    world.cloud.remove("bob", "/Shared");
    world.rescan().await;
    world.settle().await;
    assert_eq!(members(&world).await, [vec!["alice"], vec!["bob"]]);
    world.assert_index_true().await;
    assert_eq!(
        world.one::<i64>("select count(*) from access_sets").await,
        2,
        "the pair is forgotten"
    );
}

#[sqlx::test]
async fn who_may_not_read_the_content_is_no_reader(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    world.cloud.permit("alice", "/x.md", "SRNVW");
    world.rescan().await;
    world.settle().await;
    assert!(world.states().await.is_empty());
    world.assert_index_true().await;
}

#[sqlx::test]
async fn removing_a_user_leaves_what_others_read(pool: PgPool) {
    let world = World::new(pool);
    let shared = world.cloud.put("alice", "/x.md", "text");
    world.cloud.put("alice", "/private.md", "text");
    world.cloud.put("bob", "/own.md", "text");
    world.cloud.share("alice", "/x.md", "bob", "/x.md");
    world.enqueue("alice").await;
    world.enqueue("bob").await;
    world.scan().await;
    world.settle().await;
    assert_eq!(world.states().await.len(), 3);

    world.mark_removed("alice").await;
    world.engine.remove_user(&UserId::new("alice")).await.unwrap();
    assert_eq!(world.states().await.len(), 2);
    assert!(
        world
            .states()
            .await
            .iter()
            .any(|(id, _)| *id == shared.to_string())
    );
    assert_eq!(members(&world).await, [vec!["bob"], vec!["bob"]]);
    assert_eq!(world.one::<i64>("select count(*) from users").await, 1);
    world.assert_index_true().await;
}

#[sqlx::test]
async fn a_folder_shared_with_fifty_readers_is_embedded_once_and_rewrites_no_vector(pool: PgPool) {
    const FILES: usize = 40;
    let world = World::new(pool);
    for file in 0..FILES {
        world
            .cloud
            .put("alice", &format!("/Project/{file}.md"), &format!("text {file}"));
    }
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    let written = world.index.written.load(Ordering::SeqCst);
    let embedded = world.embedder.texts.load(Ordering::SeqCst);
    assert_eq!(
        (written, embedded),
        (2 * FILES, FILES),
        "a point, then its vector"
    );
    world.cloud.requests();

    for reader in 2..=50 {
        let reader = format!("reader{reader}");
        for file in 0..FILES {
            let path = format!("/Project/{file}.md");
            world.cloud.share("alice", &path, &reader, &path);
        }
        world.enqueue(&reader).await;
    }
    world.scan().await;
    world.settle().await;
    assert_eq!(world.index.written.load(Ordering::SeqCst), written);
    assert_eq!(world.embedder.texts.load(Ordering::SeqCst), embedded);
    let downloads = world
        .cloud
        .requests()
        .iter()
        .filter(|request| request.contains(" get "))
        .count();
    assert_eq!(downloads, 0, "nothing is fetched again");
    let members = members(&world).await;
    assert!(members.iter().all(|members| members.len() == 50));
    world.assert_index_true().await;

    // The last reader's leaving removes it; one before changes nothing for the others.
    for reader in (2..=50)
        .map(|reader| format!("reader{reader}"))
        .chain(["alice".into()])
    {
        assert_eq!(world.states().await.len(), FILES);
        world.mark_removed(&reader).await;
        world.engine.remove_user(&UserId::new(&reader)).await.unwrap();
    }
    assert!(world.states().await.is_empty());
    world.assert_index_true().await;
}

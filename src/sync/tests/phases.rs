use crate::ids::UserId;
use crate::sync::claim::{self, Phase};
use crate::sync::test_support::World;
use sqlx::PgPool;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[sqlx::test]
async fn documents_are_searchable_first_and_complete_later(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/Notes/Plan.md", "one\n\ntwo\n\nthree");
    world.enqueue("alice").await;
    world.scan().await;
    assert_eq!(world.engine.index_text_turn().await.unwrap(), 1);
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "searchable"
    );
    assert!(world.index.contents().iter().all(|(_, _, dense)| !dense));
    assert!(!world.index.contents().is_empty());
    world.settle().await;
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "indexed"
    );
    assert!(world.index.contents().iter().all(|(_, _, dense)| *dense));
    let (doc_type, title): (String, String) = sqlx::query_as("select doc_type, title from document_readers")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!((doc_type.as_str(), title.as_str()), ("note", "Plan"));
    world.assert_index_true().await;
}

#[sqlx::test]
async fn without_an_embedder_phase_one_is_all(pool: PgPool) {
    let world = World::keyword_only(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.engine.index_text_turn().await.unwrap();
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "indexed"
    );
    assert_eq!(world.engine.embed_turn().await.unwrap(), 0);
}

#[sqlx::test]
async fn a_change_replaces_chunks_and_keeps_vectors_of_what_stayed(pool: PgPool) {
    let world = World::new(pool);
    let long = |word: &str| format!("{word} ").repeat(150);
    world.cloud.put(
        "alice",
        "/x.md",
        &[long("one"), long("two"), long("three")].join("\n\n"),
    );
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    let embedded = world.embedder.texts.load(Ordering::SeqCst);
    assert!(embedded >= 3);

    world
        .cloud
        .put("alice", "/x.md", &[long("one"), long("two")].join("\n\n"));
    world.rescan().await;
    world.settle().await;
    world.assert_index_true().await;
    let text: String = world.one("select text from document_texts").await;
    assert!(!text.contains("three"));
    let again = world.embedder.texts.load(Ordering::SeqCst) - embedded;
    assert!(
        again < embedded,
        "{again} of {embedded} passages were embedded again"
    );
}

#[sqlx::test]
async fn a_new_version_with_the_same_content_is_not_indexed_again(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    let before = world.index.contents();
    world.cloud.put("alice", "/x.md", "text");
    assert_eq!(world.rescan().await[0].due, 1);
    world.settle().await;
    assert_eq!(world.index.contents(), before);
    assert!(
        world
            .one::<bool>("select indexed_etag = etag and state = 'indexed' from documents")
            .await
    );
}

#[sqlx::test]
async fn a_renamed_document_is_indexed_under_its_new_title(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/old.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    let hash = "select content_hash from documents";
    let before = world.one::<Vec<u8>>(hash).await;
    world.cloud.rename("alice", "/old.md", "/new.md");
    assert_eq!(world.rescan().await[0].due, 1);
    world.settle().await;
    assert_ne!(world.one::<Vec<u8>>(hash).await, before);
    world.assert_index_true().await;
}

#[sqlx::test]
async fn what_has_no_text_is_skipped_with_its_reason(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/backup.zip", "not a text");
    world.cloud.put("alice", "/zero.md", "");
    world.cloud.put("alice", "/huge.txt", &"x".repeat(1_000_001));
    world
        .cloud
        .put("alice", "/binary.txt", "a\0b\0c\0\u{1}\u{2}\u{3}\u{4}\u{5}");
    world.cloud.put("alice", "/text.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.cloud.requests();
    world.settle().await;
    assert_eq!(
        world.cloud.requests().len(),
        2,
        "only what may hold text is downloaded"
    );
    let reasons: Vec<String> =
        sqlx::query_scalar("select reason from documents where state = 'skipped' order by reason")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(reasons, ["binary", "empty", "too_large", "unsupported"]);

    world.cloud.put("alice", "/text.md", "");
    world.rescan().await;
    world.settle().await;
    assert!(
        world.index.contents().is_empty(),
        "an emptied document leaves the index"
    );
    world.assert_index_true().await;
}

#[sqlx::test]
async fn a_worker_that_died_leaves_nothing_behind(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "one\n\ntwo");
    world.enqueue("alice").await;
    world.scan().await;
    // A worker claims, stores a generation, writes its points, and dies before it becomes visible.
    world.index.down.store(true, Ordering::SeqCst);
    let now = crate::clock::Clock::now(&*world.clock);
    let claimed = claim::claim(&world.pool, Phase::Text, &UserId::new("alice"), None, 9, now)
        .await
        .unwrap()
        .pop()
        .unwrap();
    let chunk = crate::sync::prepare::PreparedChunk {
        start: 0,
        end: 3,
        heading_path: vec!["Heading".into()],
        text_hash: vec![1],
        sparse: crate::index::SparseVector::default(),
        page: None,
    };
    let staged = crate::sync::publish::stage(&world.pool, &claimed, ("one", None), vec![chunk], now)
        .await
        .unwrap();
    world.index.down.store(false, Ordering::SeqCst);
    assert_eq!(
        world.engine.index_text_turn().await.unwrap(),
        0,
        "the lease holds"
    );
    world.clock.advance(Duration::from_secs(301));
    world.settle().await;
    world.assert_index_true().await;
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "indexed"
    );

    // It wakes up and goes on as if nothing had happened.
    let late =
        crate::sync::publish::publish(&world.pool, &*world.index, &claimed, staged, &[9], true, now).await;
    assert!(late.is_err());
    assert_ne!(
        world.one::<Vec<u8>>("select content_hash from documents").await,
        [9]
    );
}

#[sqlx::test]
async fn a_user_with_three_documents_does_not_wait_for_one_with_many(pool: PgPool) {
    let world = World::keyword_only(pool);
    for n in 0..500 {
        world.cloud.put("alice", &format!("/{n}.md"), "text");
    }
    for n in 0..3 {
        world.cloud.put("bob", &format!("/{n}.md"), "text");
    }
    world.enqueue("alice").await;
    world.scan().await;
    world.engine.index_text_turn().await.unwrap();
    world.enqueue("bob").await;
    world.scan().await;
    world.engine.index_text_turn().await.unwrap();
    let bobs: i64 = world
        .one(
            "select count(*) from documents d join document_readers r on r.document_id = d.id
             where r.uid = 'bob' and d.state = 'indexed'",
        )
        .await;
    assert_eq!(bobs, 3);
}

#[sqlx::test]
async fn many_notes_come_in_pages_not_one_by_one(pool: PgPool) {
    let world = World::keyword_only(pool);
    for n in 0..450 {
        world
            .cloud
            .put("alice", &format!("/Notes/{n:03}.md"), &format!("note {n}"));
    }
    world.enqueue("alice").await;
    world.scan().await;
    world.cloud.requests();
    world.settle().await;
    assert_eq!(world.cloud.requests().len(), 3);
    assert_eq!(
        world
            .one::<i64>("select count(*) from documents where state = 'indexed'")
            .await,
        450
    );
    world.assert_index_true().await;

    world.cloud.put("alice", "/Notes/007.md", "changed");
    world.rescan().await;
    world.cloud.requests();
    world.settle().await;
    assert_eq!(world.cloud.requests(), ["alice get /Notes/007.md"]);
}

#[sqlx::test]
async fn vectors_wait_for_texts_but_for_one_turn_in_four(pool: PgPool) {
    let world = World::new(pool);
    for n in 0..100 {
        world.cloud.put("alice", &format!("/{n}.md"), "text");
    }
    world.enqueue("alice").await;
    world.scan().await;
    world.engine.index_text_turn().await.unwrap();
    assert_eq!(world.engine.embed_turn().await.unwrap(), 0);
    world.engine.index_text_turn().await.unwrap();
    world.engine.index_text_turn().await.unwrap();
    assert!(world.engine.embed_turn().await.unwrap() > 0);
    assert_eq!(world.engine.embed_turn().await.unwrap(), 0);
}

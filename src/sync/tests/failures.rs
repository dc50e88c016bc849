use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use crate::sync::Remotes as _;
use crate::sync::sources::{FilesSource, Source as _, WantedItem};
use crate::sync::test_support::World;
use sqlx::PgPool;
use std::sync::atomic::Ordering;
use std::time::Duration;

#[sqlx::test]
async fn a_document_that_keeps_failing_becomes_a_dead_letter_and_a_new_version_revives_it(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/bad.md", "text");
    world.cloud.put("alice", "/good.md", "text");
    world
        .cloud
        .fail("alice", "/bad.md", || NextcloudError::ServerError { status: 500 });
    world.enqueue("alice").await;
    world.scan().await;
    let mut delays = Vec::new();
    for _ in 0..2 {
        world.settle().await;
        let now = crate::clock::Clock::now(&*world.clock);
        let due: chrono::DateTime<chrono::Utc> = world
            .one("select due_at from documents where state = 'pending'")
            .await;
        delays.push((due - now).num_seconds());
        world.clock.advance((due - now).to_std().unwrap());
    }
    assert_eq!(delays, [15, 60]);
    world.settle().await;
    let alice = UserId::new("alice");
    let letters = world.status().dead_letters(&alice, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].path.as_str(), letters[0].attempts), ("/bad.md", 3));
    assert!(letters[0].reason.contains("500"), "{}", letters[0].reason);
    assert_eq!(
        world
            .states()
            .await
            .iter()
            .filter(|(_, state)| state == "indexed")
            .count(),
        1
    );
    assert!(
        world
            .status()
            .dead_letters(&UserId::new("bob"), 10)
            .await
            .unwrap()
            .is_empty()
    );

    world.cloud.heal();
    world.cloud.put("alice", "/bad.md", "better text");
    world.rescan().await;
    world.settle().await;
    assert!(world.states().await.iter().all(|(_, state)| state == "indexed"));
    world.assert_index_true().await;
}

#[sqlx::test]
async fn a_host_that_is_away_kills_no_document(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world
        .cloud
        .fail("alice", "*", || NextcloudError::ServerError { status: 503 });
    for _ in 0..20 {
        world.settle().await;
        world.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(world.one::<i32>("select attempts from documents").await, 0);
    world.cloud.heal();
    world.settle().await;
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "indexed"
    );
}

#[sqlx::test]
async fn errors_of_the_whole_host_are_not_held_against_a_document(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world
        .cloud
        .fail("alice", "*", || NextcloudError::ServerError { status: 500 });
    for _ in 0..20 {
        world.settle().await;
        world.clock.advance(Duration::from_mins(10));
    }
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "pending"
    );
}

#[sqlx::test]
async fn a_file_gone_at_fetch_wakes_a_scan(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.cloud.remove("alice", "/x.md");
    assert!(!world.engine.due_work().await.unwrap().scans);
    world.engine.index_text_turn().await.unwrap();
    assert!(world.engine.due_work().await.unwrap().scans);
    world.scan().await;
    assert!(world.states().await.is_empty());
}

#[sqlx::test]
async fn another_reader_stands_in_for_one_whose_credential_is_refused(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.cloud.put("bob", "/own.md", "text");
    world.cloud.share("alice", "/x.md", "bob", "/shared.md");
    world.enqueue("bob").await;
    world.scan().await;
    world.enqueue("alice").await;
    world.scan().await;
    world.cloud.fail("bob", "*", || NextcloudError::Unauthorized);
    world.settle().await;
    assert_eq!(world.cloud.rejected().first().map(String::as_str), Some("bob"));
    assert_eq!(
        world
            .one::<i64>("select count(*) from documents where state = 'indexed'")
            .await,
        1
    );
    assert_eq!(
        world
            .one::<i64>("select count(*) from documents where state = 'pending'")
            .await,
        1
    );
}

#[sqlx::test]
async fn a_refused_credential_is_tried_once(pool: PgPool) {
    let world = World::new(pool);
    for n in 0..8 {
        world.cloud.put("alice", &format!("/{n}.md"), "text");
    }
    world.enqueue("alice").await;
    world.scan().await;
    world.cloud.requests();
    world.cloud.fail("alice", "*", || NextcloudError::Unauthorized);
    world.settle().await;
    assert_eq!(world.cloud.requests().len(), 1);
    assert_eq!(world.cloud.rejected(), ["alice"]);
    assert_eq!(
        world.one::<i64>("select count(lease_until) from documents").await,
        0
    );
}

#[sqlx::test]
async fn an_index_that_is_away_delays_and_loses_nothing(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.index.down.store(true, Ordering::SeqCst);
    for _ in 0..10 {
        world.engine.index_text_turn().await.unwrap();
        world.clock.advance(Duration::from_secs(20));
    }
    world.index.down.store(false, Ordering::SeqCst);
    world.settle().await;
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "indexed"
    );
    world.assert_index_true().await;
}

#[sqlx::test]
async fn one_text_that_the_model_cannot_take_does_not_stop_the_others(pool: PgPool) {
    let world = World::new(pool);
    for n in 0..5 {
        world.cloud.put(
            "alice",
            &format!("/{n}.md"),
            if n == 3 { "poison" } else { "text" },
        );
    }
    *world.embedder.poison.lock().unwrap() = Some("poison".into());
    world.enqueue("alice").await;
    world.scan().await;
    for _ in 0..4 {
        world.settle().await;
        world.clock.advance(Duration::from_secs(3_601));
    }
    let states: Vec<String> = world.states().await.into_iter().map(|(_, state)| state).collect();
    assert_eq!(states.iter().filter(|state| *state == "indexed").count(), 4);
    assert_eq!(states.iter().filter(|state| *state == "dead").count(), 1);
    assert_eq!(
        world.index.contents().len(),
        5,
        "the dead one is still found by keyword"
    );
}

#[sqlx::test]
async fn a_stopping_server_gives_back_what_it_did_not_begin(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.engine.stop();
    assert_eq!(world.engine.index_text_turn().await.unwrap(), 0);
    assert_eq!(
        world.one::<i64>("select count(lease_until) from documents").await,
        0
    );
    world.enqueue("alice").await;
    assert!(world.engine.scan_due(1).await.unwrap().is_empty());
}

#[sqlx::test]
async fn a_stopping_server_embeds_nothing_more(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.engine.index_text_turn().await.unwrap();
    world.engine.stop();
    assert_eq!(world.engine.embed_turn().await.unwrap(), 0);
    assert_eq!(
        world.one::<String>("select state from documents").await,
        "searchable"
    );
    assert_eq!(
        world.one::<i64>("select count(lease_until) from documents").await,
        0
    );
}

/// A path names another file once the listed one was moved and a new one put in its place.
#[sqlx::test]
async fn a_moved_and_replaced_file_never_shows_its_successors_text(pool: PgPool) {
    let world = World::new(pool);
    let shared = world.cloud.put("alice", "/x.md", "for both").to_string();
    world.cloud.share("alice", "/x.md", "bob", "/x.md");
    for user in ["alice", "bob"] {
        world.enqueue(user).await;
        world.scan().await;
    }
    let etag: String = world.one("select etag from documents").await;
    world.cloud.rename("alice", "/x.md", "/y.md");
    world.cloud.put("alice", "/x.md", "private");
    world.settle().await;
    let texts: i64 = world.one("select count(*) from document_texts").await;
    assert_eq!(texts, 0, "nothing was stored under the old id");

    let files = FilesSource {
        max_file_size: 1_000,
        tags: crate::config::TagRules::default(),
    };
    let remote = world.cloud.open(&UserId::new("alice")).await.unwrap();
    let mut item = WantedItem {
        native_id: shared.clone(),
        etag,
        path: "/x.md".to_owned(),
        part: String::new(),
    };
    for first in [None, Some(10)] {
        let opened = files.open(&*remote, &item, first).await;
        assert!(matches!(opened, Err(NextcloudError::NotFound(_))), "{first:?}");
    }
    item.path = "/y.md".to_owned();
    assert!(files.open(&*remote, &item, None).await.is_ok());

    world.rescan().await;
    world.settle().await;
    let texts: Vec<(String, String, i64)> = sqlx::query_as(
        "select d.native_id, t.text, (select count(*) from document_readers r where r.document_id = d.id)
         from documents d join document_texts t on t.document_id = d.id order by d.native_id::bigint",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    let shown: Vec<(&str, i64)> = texts
        .iter()
        .map(|(_, text, readers)| (text.as_str(), *readers))
        .collect();
    assert_eq!(texts[0].0, shared);
    assert_eq!(shown, [("for both", 2), ("private", 1)]);
    world.assert_index_true().await;
}

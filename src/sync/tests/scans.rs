use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use crate::sync::test_support::World;
use crate::sync::{SyncError, scan};
use sqlx::PgPool;
use std::time::Duration;

#[sqlx::test]
async fn an_unchanged_tree_costs_one_request(pool: PgPool) {
    let world = World::new(pool);
    for n in 0..50 {
        world.cloud.put("alice", &format!("/d{}/{n}.md", n % 10), "text");
    }
    world.enqueue("alice").await;
    let first = world.scan().await;
    assert_eq!((first[0].listed, first[0].due), (50, 50));
    assert_eq!(world.cloud.requests(), ["alice entry /", "alice walk /"]);

    let second = world.rescan().await;
    assert!(second[0].unchanged);
    assert_eq!(world.cloud.requests(), ["alice entry /"]);
}

#[sqlx::test]
async fn one_change_costs_requests_by_its_depth(pool: PgPool) {
    let world = World::new(pool);
    for n in 0..40 {
        world.cloud.put("alice", &format!("/a/b{n}/c/x.md"), "text");
    }
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    world.cloud.requests();

    world.cloud.put("alice", "/a/b7/c/x.md", "other text");
    let report = world.rescan().await[0];
    assert_eq!(
        world.cloud.requests(),
        [
            "alice entry /",
            "alice children /",
            "alice children /a",
            "alice children /a/b7",
            "alice children /a/b7/c"
        ]
    );
    assert_eq!(
        (report.due, report.deleted),
        (1, 0),
        "what lies below unchanged folders is seen"
    );
    assert_eq!(
        world.one::<i64>("select count(*) from document_readers").await,
        40
    );
    world.settle().await;
    world.assert_index_true().await;
    assert!(world.rescan().await[0].unchanged, "the new ETags were kept");
}

#[sqlx::test]
async fn many_changed_folders_are_listed_in_one_piece(pool: PgPool) {
    let world = World::new(pool);
    let write = |text: &str| {
        for n in 0..30 {
            world.cloud.put("alice", &format!("/d{n}/x.md"), text);
        }
    };
    write("one");
    world.enqueue("alice").await;
    world.scan().await;
    write("two");
    world.cloud.requests();
    assert_eq!(world.rescan().await[0].due, 30);
    let requests = world.cloud.requests();
    assert!(requests.len() <= 20, "{requests:?}");
    assert!(world.rescan().await[0].unchanged);
}

#[sqlx::test]
async fn a_full_walk_trusts_no_etag_once_a_day(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.clock.advance(Duration::from_secs(86_401));
    world.cloud.requests();
    assert!(!world.scan().await[0].unchanged);
    assert_eq!(world.cloud.requests(), ["alice entry /", "alice walk /"]);
}

#[sqlx::test]
async fn a_moved_document_keeps_its_row_and_needs_no_download(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/old/deep/x.md", "text");
    world.cloud.put("alice", "/keep.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;
    let before: Vec<(i64, i64)> = sqlx::query_as("select id, document_id from chunks order by id")
        .fetch_all(&world.pool)
        .await
        .unwrap();

    world.cloud.rename("alice", "/old", "/new");
    world.cloud.requests();
    let report = world.rescan().await[0];
    assert_eq!((report.due, report.deleted), (0, 0));
    assert!(
        world
            .cloud
            .requests()
            .iter()
            .all(|request| !request.contains("get"))
    );
    let path: String = world
        .one("select path from document_readers where path like '%deep%'")
        .await;
    assert_eq!(path, "/new/deep/x.md");
    let after: Vec<(i64, i64)> = sqlx::query_as("select id, document_id from chunks order by id")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(before, after);
    assert!(world.rescan().await[0].unchanged);
}

#[sqlx::test]
async fn a_deleted_document_leaves_the_index_even_if_the_index_is_away(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/gone.md", "text");
    world.cloud.put("alice", "/kept.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;

    world.cloud.remove("alice", "/gone.md");
    assert_eq!(world.rescan().await[0].deleted, 1);
    world.index.down.store(true, std::sync::atomic::Ordering::SeqCst);
    assert!(world.engine.housekeeping().await.is_err());
    assert_eq!(
        world.one::<i64>("select count(*) from index_tombstones").await,
        1,
        "not forgotten"
    );
    world.index.down.store(false, std::sync::atomic::Ordering::SeqCst);
    world.engine.housekeeping().await.unwrap();
    world.assert_index_true().await;
}

#[sqlx::test]
async fn mass_absence_is_believed_after_a_second_complete_scan_only(pool: PgPool) {
    let world = World::new(pool);
    for n in 0..100 {
        world.cloud.put("alice", &format!("/big/{n}.md"), "text");
    }
    world.cloud.put("alice", "/other.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.settle().await;

    world.cloud.hide("alice", "/big");
    let report = world.rescan().await[0];
    assert_eq!((report.deleted, report.suspected), (0, 100));
    world.cloud.unhide();
    let report = world.rescan().await[0];
    assert_eq!(
        (report.deleted, report.suspected, report.due),
        (0, 0, 0),
        "they were there all the time"
    );

    world.cloud.hide("alice", "/big");
    assert_eq!(world.rescan().await[0].deleted, 0);
    assert_eq!(
        world.rescan().await[0].deleted,
        100,
        "missing twice in a row is gone"
    );
    world.settle().await;
    world.assert_index_true().await;
}

#[sqlx::test]
async fn a_listing_cut_short_deletes_nothing_and_keeps_what_it_saw(pool: PgPool) {
    let world = World::new(pool);
    for n in 0..2_500 {
        world.cloud.put("alice", &format!("/{n:04}.md"), "text");
    }
    world.cloud.fail("alice", "/", || {
        NextcloudError::Malformed("the answer was cut off".into())
    });
    world.enqueue("alice").await;
    let failed = world.engine.scan_due(1).await.unwrap();
    assert!(failed[0].result.is_err());
    world.cloud.heal();
    // The fault hit the first request already; let only the listing fail now.
    world.clock.advance(Duration::from_secs(31));
    world.scan().await;
    assert_eq!(world.one::<i64>("select count(*) from documents").await, 2_500);

    world.clock.advance(Duration::from_secs(86_401));
    world.cloud.fail("alice", "/", || {
        NextcloudError::Malformed("the answer was cut off".into())
    });
    assert!(world.engine.scan_due(1).await.unwrap()[0].result.is_err());
    assert_eq!(world.one::<i64>("select count(*) from documents").await, 2_500);
    assert_eq!(
        world
            .one::<i64>("select count(missing_since_scan) from document_readers")
            .await,
        0
    );
}

#[sqlx::test]
async fn only_one_worker_scans_a_user_and_a_dead_one_writes_nothing(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    let now = || crate::clock::Clock::now(&*world.clock);
    let files = ["files".to_owned()];
    let first = scan::claim(&world.pool, &files, 9, now())
        .await
        .unwrap()
        .pop()
        .unwrap();
    assert!(
        scan::claim(&world.pool, &files, 9, now())
            .await
            .unwrap()
            .is_empty(),
        "the lease holds"
    );

    world.clock.advance(Duration::from_secs(301));
    let second = scan::claim(&world.pool, &files, 9, now())
        .await
        .unwrap()
        .pop()
        .unwrap();
    let late = scan::run(&world.engine, &first, world.engine.source("files").unwrap()).await;
    assert!(matches!(late, Err(SyncError::LeaseLost)));
    assert_eq!(world.one::<i64>("select count(*) from documents").await, 0);
    scan::run(&world.engine, &second, world.engine.source("files").unwrap())
        .await
        .unwrap();
    assert_eq!(world.one::<i64>("select count(*) from documents").await, 1);
}

#[sqlx::test]
async fn a_database_of_another_instance_is_refused(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.cloud.become_instance("ocother");
    world.cloud.put("alice", "/y.md", "text");
    world.clock.advance(Duration::from_secs(301));
    let outcome = world.engine.scan_due(1).await.unwrap().pop().unwrap();
    assert!(
        matches!(outcome.result, Err(SyncError::Instance(_))),
        "{:?}",
        outcome.result
    );
    assert_eq!(world.one::<i64>("select count(*) from documents").await, 1);
}

/// Once it is known whose documents are stored, an answer that does not tell where it comes from is not believed.
#[sqlx::test]
async fn a_nextcloud_that_no_longer_names_its_instance_is_refused(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    world.cloud.become_instance("-");
    world.cloud.put("alice", "/y.md", "text");
    world.clock.advance(Duration::from_secs(301));
    let outcome = world.engine.scan_due(1).await.unwrap().pop().unwrap();
    assert!(
        matches!(
            outcome.result,
            Err(SyncError::Nextcloud(NextcloudError::Malformed(_)))
        ),
        "{:?}",
        outcome.result
    );
    assert_eq!(world.one::<i64>("select count(*) from documents").await, 1);
}

#[sqlx::test]
async fn a_refused_credential_is_dropped_and_others_go_on(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.cloud.put("bob", "/y.md", "text");
    world.cloud.fail("alice", "*", || NextcloudError::Unauthorized);
    world.enqueue("alice").await;
    world.enqueue("bob").await;
    assert_eq!(world.engine.scan_due(9).await.unwrap().len(), 2);
    assert_eq!(world.cloud.rejected(), ["alice"]);
    assert_eq!(world.one::<i64>("select count(*) from documents").await, 1);
    world.clock.advance(Duration::from_hours(2));
    let users: Vec<UserId> = world
        .engine
        .scan_due(9)
        .await
        .unwrap()
        .into_iter()
        .map(|outcome| outcome.user)
        .collect();
    assert_eq!(
        users,
        [UserId::new("bob")],
        "alice is left alone until a new credential comes"
    );
    world.cloud.heal();
    world.enqueue("alice").await;
    world.scan().await;
    assert_eq!(world.one::<i64>("select count(*) from documents").await, 2);
}

#[sqlx::test]
async fn a_token_that_was_replaced_meanwhile_pauses_nobody(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.cloud.fail("alice", "*", || NextcloudError::Unauthorized);
    world.cloud.supersede();
    world.enqueue("alice").await;
    world.engine.scan_due(1).await.unwrap();
    assert_eq!(world.cloud.rejected(), ["alice"]);
    world.cloud.heal();
    world.clock.advance(Duration::from_secs(31));
    world.scan().await;
    assert_eq!(world.one::<i64>("select count(*) from documents").await, 1);
}

#[sqlx::test]
async fn a_disabled_account_is_asked_again_every_hour(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.cloud.fail("alice", "*", || NextcloudError::AccountDisabled);
    world.enqueue("alice").await;
    world.engine.scan_due(1).await.unwrap();
    assert_eq!(
        world.one::<String>("select sync_state_reason from users").await,
        "account_disabled"
    );
    world.clock.advance(Duration::from_mins(10));
    assert!(world.engine.scan_due(1).await.unwrap().is_empty());
    world.cloud.heal();
    world.clock.advance(Duration::from_secs(3_001));
    world.scan().await;
    assert_eq!(
        world.one::<String>("select sync_state from users").await,
        "active"
    );
    assert!(world.cloud.rejected().is_empty());
}

#[sqlx::test]
async fn failing_scans_wait_longer_and_longer_up_to_the_interval(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world
        .cloud
        .fail("alice", "*", || NextcloudError::Unreachable("refused".into()));
    world.enqueue("alice").await;
    let mut delays = Vec::new();
    for _ in 0..6 {
        world.engine.scan_due(1).await.unwrap();
        let seconds: i64 = world
            .one("select extract(epoch from due_at - last_error_at)::bigint from scans")
            .await;
        delays.push(seconds);
        world.clock.advance(Duration::from_secs(seconds.unsigned_abs()));
    }
    assert_eq!(delays, [30, 60, 120, 240, 300, 300]);
}

use crate::ids::UserId;
use crate::sync::test_support::World;
use sqlx::PgPool;

#[sqlx::test]
async fn the_numbers_are_those_of_the_user_asked_for(pool: PgPool) {
    let world = World::new(pool);
    world.cloud.put("alice", "/x.md", "text");
    world.cloud.put("alice", "/backup.zip", "archive");
    world.cloud.put("bob", "/y.md", "text");
    world.cloud.share("alice", "/x.md", "bob", "/x.md");
    world.enqueue("alice").await;
    world.enqueue("bob").await;
    world.scan().await;

    let status = world.status();
    let everyone = status.status(None).await.unwrap();
    assert_eq!(
        (everyone.status.as_str(), everyone.pending_documents),
        ("syncing", 2)
    );
    assert_eq!(everyone.skipped, [("unsupported".to_owned(), 1)]);

    world.settle().await;
    let everyone = status.status(None).await.unwrap();
    assert_eq!(
        (
            everyone.status.as_str(),
            everyone.pending_documents,
            everyone.indexed_documents
        ),
        ("idle", 0, 2)
    );
    assert_eq!(
        (everyone.keyword.done, everyone.dense.done, everyone.dense.waiting),
        (2, 2, 0)
    );
    assert_eq!(everyone.hybrid_chunks, everyone.indexed_chunks);
    assert_eq!(
        everyone.estimated_vector_bytes,
        4 * everyone.hybrid_chunks,
        "two dimensions of two bytes"
    );
    assert!(everyone.keyword.per_second > 0.0);
    assert_eq!(everyone.errors_24h, 0);
    assert!(everyone.last_sync_time.is_some());

    let alice = status.status(Some(&UserId::new("alice"))).await.unwrap();
    let bob = status.status(Some(&UserId::new("bob"))).await.unwrap();
    let nobody = status.status(Some(&UserId::new("carol"))).await.unwrap();
    assert_eq!(
        (
            alice.indexed_documents,
            bob.indexed_documents,
            nobody.indexed_documents
        ),
        (1, 2, 0)
    );
    assert_eq!((alice.skipped.len(), bob.skipped.len()), (1, 0));
    assert_eq!(nobody.last_sync_time, None);
}

/// Q20: scans that fail or never end are seen in one number.
#[sqlx::test]
async fn a_stalled_scan_makes_the_oldest_one_older(pool: PgPool) {
    let world = World::new(pool);
    let status = world.status();
    assert!(status.oldest_scan_seconds().await.unwrap() < 1.0, "nobody waits");
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    world.scan().await;
    let fresh = status.oldest_scan_seconds().await.unwrap();
    world.clock.advance(std::time::Duration::from_hours(2));
    let stalled = status.oldest_scan_seconds().await.unwrap();
    assert!((stalled - fresh - 7_200.0).abs() < 1.0, "{fresh} {stalled}");
}

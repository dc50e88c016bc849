use super::handler::{HandlerError, Jobs};
use super::queue::{self, QUEUE};
use super::ticker::Ticker;
use super::{Job, push, push_once, run};
use crate::ids::UserId;
use crate::sync::test_support::World;
use apalis::prelude::TaskBuilder;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

async fn world(pool: PgPool) -> World {
    queue::set_up(&pool).await.unwrap();
    World::keyword_only(pool)
}

async fn jobs(world: &World) -> i64 {
    world.one("select count(*) from apalis.jobs").await
}

#[sqlx::test]
async fn a_job_pushed_in_a_transaction_goes_with_its_rollback(pool: PgPool) {
    let world = world(pool).await;
    let mut tx = world.pool.begin().await.unwrap();
    push(&mut tx, &Job::IndexText).await.unwrap();
    tx.rollback().await.unwrap();
    assert_eq!(jobs(&world).await, 0);
    let mut tx = world.pool.begin().await.unwrap();
    push(&mut tx, &Job::IndexText).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(jobs(&world).await, 1);
}

#[sqlx::test]
async fn a_key_is_used_once(pool: PgPool) {
    let world = world(pool).await;
    let mut conn = world.pool.acquire().await.unwrap();
    assert!(push_once(&mut conn, &Job::Embed, "k").await.unwrap());
    assert!(!push_once(&mut conn, &Job::Embed, "k").await.unwrap());
    assert_eq!(jobs(&world).await, 1);
}

#[sqlx::test]
async fn replicas_tick_once_and_a_long_sleep_is_one_tick(pool: PgPool) {
    let world = world(pool).await;
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    let ticker = || Ticker::new(Arc::clone(&world.engine), world.pool.clone(), world.clock.clone());
    let (one, two) = (ticker(), ticker());
    assert_eq!(one.tick().await.unwrap(), [Job::ScanDue, Job::Housekeeping]);
    assert_eq!(two.tick().await.unwrap(), []);
    world.clock.advance(Duration::from_hours(3));
    assert_eq!(
        two.tick().await.unwrap(),
        [Job::ScanDue, Job::Housekeeping],
        "one catch-up, not one per missed tick"
    );
    assert_eq!(one.tick().await.unwrap(), []);
}

#[sqlx::test]
async fn nonsense_and_endless_restarts_are_dead_not_retried(pool: PgPool) {
    let world = world(pool).await;
    let jobs = Jobs::new(Arc::clone(&world.engine), world.pool.clone());
    let old = jobs
        .handle(br#"{"v":0,"job":"index_text"}"#, 1)
        .await
        .unwrap_err();
    assert!(matches!(old, HandlerError::Payload(_)) && old.is_final());
    let killer = jobs
        .handle(&Job::Housekeeping.encode().unwrap(), 4)
        .await
        .unwrap_err();
    assert!(matches!(killer, HandlerError::TooManyAttempts(4)) && killer.is_final());
    jobs.handle(&Job::Housekeeping.encode().unwrap(), 3)
        .await
        .unwrap();
}

/// Polls until `done`, at most ten seconds.
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !done().await {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[sqlx::test]
async fn a_worker_survives_poison_does_the_work_and_stops_when_told(pool: PgPool) {
    let world = world(pool).await;
    world.cloud.put("alice", "/x.md", "text");
    world.enqueue("alice").await;
    let mut conn = world.pool.acquire().await.unwrap();
    for poison in [&b"\xff\xfe not json"[..], br#"{"v":99,"job":"later"}"#] {
        let task = TaskBuilder::new(poison.to_vec()).max_attempts(3).build();
        apalis_postgres::queries::push_tasks(&mut *conn, QUEUE, vec![task])
            .await
            .unwrap();
    }
    push(
        &mut conn,
        &Job::ScanUser {
            uid: UserId::new("alice"),
        },
    )
    .await
    .unwrap();
    drop(conn);

    let stop = CancellationToken::new();
    let worker = tokio::spawn(run(
        Arc::clone(&world.engine),
        world.pool.clone(),
        world.clock.clone(),
        stop.clone(),
        Duration::from_secs(20),
    ));
    until("the document is indexed", async || {
        world.states().await.iter().any(|(_, state)| state == "indexed")
    })
    .await;
    until("poison is dead", async || {
        world
            .one::<i64>("select count(*) from apalis.jobs where status = 'Killed'")
            .await
            == 2
    })
    .await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(25), worker)
        .await
        .unwrap()
        .unwrap();
    assert!(world.engine.is_stopping());
    let stuck: i64 = world
        .one("select count(*) from apalis.jobs where status in ('Running', 'Queued')")
        .await;
    assert_eq!(stuck, 0);
}

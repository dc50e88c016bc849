use super::handler::{HandlerError, Jobs};
use super::queue::{self, SYNC};
use super::ticker::Ticker;
use super::{Duties, Job, push, push_once, run};
use crate::auth::grants::{DueUpkeep, GrantError, GrantUpkeep};
use crate::ids::UserId;
use crate::sync::test_support::World;
use apalis::prelude::TaskBuilder;
use sqlx::PgPool;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

async fn world(pool: PgPool) -> World {
    queue::set_up(&pool).await.unwrap();
    World::keyword_only(pool)
}

fn sync_only(world: &World) -> Duties {
    Duties {
        sync: Some(Arc::clone(&world.engine)),
        ..Duties::default()
    }
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
    let ticker = || Ticker::new(sync_only(&world), world.pool.clone(), world.clock.clone());
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
    let jobs = Jobs::new(sync_only(&world), world.pool.clone(), CancellationToken::new());
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
        apalis_postgres::queries::push_tasks(&mut *conn, SYNC, vec![task])
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
        sync_only(&world),
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

/// Three grants are due until they were refreshed.
struct FakeUpkeep {
    due: AtomicUsize,
    revocations: AtomicUsize,
}

#[async_trait::async_trait]
impl GrantUpkeep for FakeUpkeep {
    async fn due(&self) -> Result<DueUpkeep, GrantError> {
        Ok(DueUpkeep {
            refreshes: self.due.load(Ordering::SeqCst) > 0,
            revocations: self.revocations.load(Ordering::SeqCst) > 0,
        })
    }

    async fn refresh_due(&self, _: i64) -> Result<usize, GrantError> {
        let taken = self
            .due
            .try_update(Ordering::SeqCst, Ordering::SeqCst, |due| due.checked_sub(1));
        Ok(usize::from(taken.is_ok()))
    }

    async fn finish_revocations(&self, _: i64) -> Result<usize, GrantError> {
        Ok(self.revocations.swap(0, Ordering::SeqCst))
    }
}

#[sqlx::test]
async fn grants_are_kept_alive_without_a_sync(pool: PgPool) {
    let world = world(pool).await;
    let upkeep = Arc::new(FakeUpkeep {
        due: AtomicUsize::new(3),
        revocations: AtomicUsize::new(1),
    });
    let duties = Duties {
        grants: Some(upkeep.clone()),
        ..Duties::default()
    };
    let ticker = Ticker::new(duties.clone(), world.pool.clone(), world.clock.clone());
    assert_eq!(
        ticker.tick().await.unwrap(),
        [Job::RefreshGrants, Job::FinishRevocations],
        "no work for the sync is queued"
    );
    push(&mut world.pool.acquire().await.unwrap(), &Job::ScanDue)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let worker = tokio::spawn(run(
        duties,
        world.pool.clone(),
        world.clock.clone(),
        stop.clone(),
        Duration::from_secs(20),
    ));
    until("the jobs about grants are done", async || {
        world
            .one::<i64>("select count(*) from apalis.jobs where job_type = 'grants' and status <> 'Done'")
            .await
            == 0
    })
    .await;
    let waiting = "select count(*) from apalis.jobs where job_type = 'sync' and status = 'Pending'";
    assert_eq!(
        world.one::<i64>(waiting).await,
        1,
        "the sync's job waits for a worker of the sync"
    );
    assert_eq!(upkeep.due.load(Ordering::SeqCst), 0);
    assert_eq!(upkeep.revocations.load(Ordering::SeqCst), 0);
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(25), worker)
        .await
        .unwrap()
        .unwrap();
}

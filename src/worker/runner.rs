//! Running the jobs until the server stops.

use super::duties::Duties;
use super::handler::Jobs;
use super::queue;
use super::ticker::Ticker;
use crate::clock::SharedClock;
use apalis::prelude::{
    AbortError, Attempt, BackendExt, BoxDynError, Codec, Data, Monitor, MonitorError, ParallelizeExt,
    Strategy, WorkerBuilder, WorkerBuilderExt,
};
use apalis_postgres::{Config, PostgresStorage, Pubsub};
use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::PgPool;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use ulid::Ulid;

/// Jobs at one time. Drains of one kind do not run beside each other, so a few are enough for all kinds.
const CONCURRENCY: usize = 6;

/// A worker that is silent for three of these is dead, and its jobs are taken over.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// Missed heartbeats until a worker is dead.
const MISSED_HEARTBEATS: usize = 3;

/// Notifications wake the worker at once; retries and what a broken listener missed are found by polling.
const POLL: Duration = Duration::from_secs(2);

/// Pause before the queue's tables are tried again.
const SET_UP_PAUSE: Duration = Duration::from_secs(5);

/// Pause before workers are built anew after a failure of all of them.
const REBUILD_PAUSE: Duration = Duration::from_secs(1);

/// A payload as it stands in the table. Decoding happens in the handler, where nonsense ends one job; in apalis it would
/// end the worker.
#[derive(Debug)]
struct Payload(Vec<u8>);

/// Leaves payloads as they are.
#[derive(Debug, Clone, Default)]
struct RawCodec;

impl Codec<Payload> for RawCodec {
    type Error = Infallible;
    type Compact = Vec<u8>;

    fn encode(&self, payload: &Payload) -> Result<Vec<u8>, Infallible> {
        Ok(payload.0.clone())
    }

    fn decode(&self, bytes: &Vec<u8>) -> Result<Payload, Infallible> {
        Ok(Payload(bytes.clone()))
    }
}

/// Works until `shutdown`: then nothing new is claimed, running documents are finished or given back, and this
/// returns within `grace`. A lost database ends nothing: workers are built anew until it is back.
pub async fn run(
    duties: Duties,
    pool: PgPool,
    clock: SharedClock,
    shutdown: CancellationToken,
    grace: Duration,
) {
    let engine = duties.sync.clone();
    let stop_engine = || {
        if let Some(engine) = &engine {
            engine.stop();
        }
    };
    if !set_up(&pool, &shutdown).await {
        stop_engine();
        return;
    }
    let queues = duties.queues();
    let jobs = Arc::new(Jobs::new(duties.clone(), pool.clone(), shutdown.clone()));
    let run_id = Ulid::generate().to_string();
    let ticker = Ticker::new(duties, pool.clone(), clock);
    let working = async {
        while !shutdown.is_cancelled() {
            let ended = monitor(&queues, &run_id, &jobs, &pool, &shutdown, grace).await;
            if shutdown.is_cancelled() {
                break;
            }
            match ended {
                Ok(()) => tracing::warn!("the workers ended; they are built anew"),
                Err(error) => tracing::warn!(%error, "the workers ended; they are built anew"),
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(REBUILD_PAUSE) => {}
            }
        }
    };
    let stopping = async {
        shutdown.cancelled().await;
        stop_engine();
    };
    tokio::join!(working, ticker.run(&shutdown), stopping);
    // What was fetched and not begun would else wait until this run's workers count as dead.
    if let Err(error) = super::cleanup::give_back(&pool, &run_id).await {
        tracing::warn!(%error, "fetched jobs wait until their workers count as dead");
    }
}

/// Makes the queue's tables, however long the database is away; `false` when `shutdown` came first.
async fn set_up(pool: &PgPool, shutdown: &CancellationToken) -> bool {
    let trying = async {
        while let Err(error) = queue::set_up(pool).await {
            tracing::warn!(%error, "the job queue cannot be made ready yet");
            tokio::time::sleep(SET_UP_PAUSE).await;
        }
    };
    shutdown.run_until_cancelled(trying).await.is_some()
}

/// One life of the workers.
async fn monitor(
    queues: &[&'static str],
    run_id: &str,
    jobs: &Arc<Jobs>,
    pool: &PgPool,
    shutdown: &CancellationToken,
    grace: Duration,
) -> Result<(), MonitorError> {
    let signal = shutdown.clone();
    let monitor = Monitor::new().shutdown_timeout(grace).should_restart(|_, error| {
        tracing::warn!(%error, "a worker ended; it is built anew");
        true
    });
    queues
        .iter()
        .fold(monitor, |monitor, queue| {
            register(monitor, queue, run_id, jobs, pool)
        })
        .run_with_signal(async move {
            signal.cancelled().await;
            Ok(())
        })
        .await
}

/// Adds the worker of one queue. Its name tells the run that it belongs to.
fn register(monitor: Monitor, queue: &'static str, run_id: &str, jobs: &Arc<Jobs>, pool: &PgPool) -> Monitor {
    let (jobs, pool, run_id) = (Arc::clone(jobs), pool.clone(), run_id.to_owned());
    monitor.register(move |_| {
        let config = Config::default()
            .queue(queue)
            .batch_size(CONCURRENCY)
            .heartbeat_interval(HEARTBEAT)
            .missed_heartbeats(MISSED_HEARTBEATS);
        let strategy = Strategy::new()
            .stream(Pubsub::new(pool.clone(), queue.into()))
            .interval(POLL);
        let backend = PostgresStorage::<Payload>::new(&pool)
            .with_config(config)
            .with_codec(RawCodec)
            .poll_with_strategy(strategy);
        // A name used twice would leave the jobs of a killed process running for ever.
        WorkerBuilder::new(format!("{queue}-{run_id}-{}", Ulid::generate()).as_str())
            .backend(backend)
            .concurrency(CONCURRENCY)
            .parallelize(tokio::spawn)
            .data(Arc::clone(&jobs))
            .build(handle)
    })
}

/// Boxed, because apalis asks for a future that is `Send` for every lifetime.
#[expect(
    clippy::needless_pass_by_value,
    reason = "apalis hands its data over by value"
)]
fn handle(
    payload: Payload,
    attempt: Attempt,
    jobs: Data<Arc<Jobs>>,
) -> BoxFuture<'static, Result<(), BoxDynError>> {
    let jobs = Arc::clone(&jobs);
    async move {
        match jobs.handle(&payload.0, attempt.current()).await {
            Ok(()) => Ok(()),
            Err(error) if error.is_final() => {
                tracing::warn!(%error, "a job is dead");
                Err(AbortError::new(error).into())
            }
            Err(error) => {
                tracing::warn!(%error, "a job failed");
                Err(error.into())
            }
        }
    }
    .boxed()
}

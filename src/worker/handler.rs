//! What a job does. Time-outs, panics and the limit of attempts are handled here, because the layers of apalis that
//! promise to do so leave rows in `Running` for ever.

use super::drain::{Drain, Drained};
use super::job::{Job, JobError};
use super::queue::{self, MAX_ATTEMPTS, QueueError};
use crate::sync::{SyncEngine, SyncError};
use futures::FutureExt;
use futures::future::try_join_all;
use sqlx::PgPool;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// No job runs longer. A scan of a very large tree is the longest; its progress is kept when it is cut.
const TIME_LIMIT: Duration = Duration::from_mins(30);

/// Scans at one time, so that a large tree does not keep the others waiting.
const CONCURRENT_SCANS: usize = 3;

/// Scans claimed before the time box is looked at.
const SCANS_PER_TURN: i64 = 4;

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The payload means nothing to this server: dead.
    #[error(transparent)]
    Payload(#[from] JobError),
    /// Started too often, perhaps because it kills the process: dead.
    #[error("started {0} times without an end")]
    TooManyAttempts(usize),
    /// The work failed; it is tried again.
    #[error(transparent)]
    Sync(#[from] SyncError),
    /// The follow-up could not be queued; the next tick does.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Cut off.
    #[error("cut off after {} seconds", TIME_LIMIT.as_secs())]
    TimedOut,
    /// A bug; the worker survives it.
    #[error("the handler panicked")]
    Panicked,
}

impl HandlerError {
    /// Whether trying again is pointless.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Payload(_) | Self::TooManyAttempts(_))
    }
}

/// What the jobs work with.
pub struct Jobs {
    engine: Arc<SyncEngine>,
    pool: PgPool,
    scans: Drain,
    texts: Drain,
    vectors: Drain,
    upkeep: Drain,
}

impl Jobs {
    /// Jobs on `engine` that queue their follow-ups through `pool`.
    pub fn new(engine: Arc<SyncEngine>, pool: PgPool) -> Self {
        Self {
            engine,
            pool,
            scans: Drain::default(),
            texts: Drain::default(),
            vectors: Drain::default(),
            upkeep: Drain::default(),
        }
    }

    /// Runs one job. `attempt` counts its starts, this one included.
    pub async fn handle(&self, payload: &[u8], attempt: usize) -> Result<(), HandlerError> {
        if attempt > MAX_ATTEMPTS {
            return Err(HandlerError::TooManyAttempts(attempt));
        }
        let job = Job::decode(payload)?;
        let work = AssertUnwindSafe(self.work(&job)).catch_unwind();
        match tokio::time::timeout(TIME_LIMIT, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(HandlerError::Panicked),
            Err(_) => Err(HandlerError::TimedOut),
        }
    }

    async fn work(&self, job: &Job) -> Result<(), HandlerError> {
        match job {
            Job::ScanUser { uid } => {
                self.engine.wake_user(uid).await?;
                self.scan().await
            }
            Job::ScanDue => self.scan().await,
            Job::IndexText => self.index_text().await,
            Job::Embed => {
                let ended = self
                    .vectors
                    .run(|| async { Ok::<_, SyncError>(self.engine.embed_turn().await? > 0) })
                    .await?;
                self.again(ended, &Job::Embed).await
            }
            Job::Housekeeping => {
                self.upkeep
                    .run(|| async {
                        self.engine.housekeeping().await?;
                        Ok::<_, SyncError>(false)
                    })
                    .await?;
                Ok(())
            }
        }
    }

    async fn scan(&self) -> Result<(), HandlerError> {
        let ended = self
            .scans
            .run(|| async {
                let lanes = (0..CONCURRENT_SCANS).map(|_| self.scan_lane());
                Ok::<_, HandlerError>(try_join_all(lanes).await?.into_iter().any(|busy| busy))
            })
            .await?;
        self.again(ended, &Job::ScanDue).await
    }

    /// Runs a few due scans; what they found is worked on at once, deletions are carried out.
    async fn scan_lane(&self) -> Result<bool, HandlerError> {
        let outcomes = self.engine.scan_due(SCANS_PER_TURN).await?;
        let reports = || outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
        if reports().any(|report| report.due > 0) {
            self.push(&Job::IndexText).await?;
        }
        if reports().any(|report| !report.unchanged) {
            self.push(&Job::Housekeeping).await?;
        }
        Ok(!outcomes.is_empty())
    }

    async fn index_text(&self) -> Result<(), HandlerError> {
        let ended = self
            .texts
            .run(|| async { Ok::<_, SyncError>(self.engine.index_text_turn().await? > 0) })
            .await?;
        self.push(&Job::Housekeeping).await?;
        self.push(&Job::Embed).await?;
        self.again(ended, &Job::IndexText).await
    }

    async fn again(&self, ended: Drained, job: &Job) -> Result<(), HandlerError> {
        if ended == Drained::TimeBoxed && !self.engine.is_stopping() {
            self.push(job).await?;
        }
        Ok(())
    }

    async fn push(&self, job: &Job) -> Result<(), HandlerError> {
        let mut conn = self
            .pool
            .acquire()
            .await
            .map_err(|error| QueueError::Database(apalis_postgres::Error::Database(error)))?;
        Ok(queue::push(&mut conn, job).await?)
    }
}

//! What a job does. Time-outs, panics and the limit of attempts are handled here, because the layers of apalis that
//! promise to do so leave rows in `Running` for ever.

use super::drain::{Drain, Drained};
use super::duties::Duties;
use super::job::{Job, JobError};
use super::queue::{self, MAX_ATTEMPTS, QueueError};
use crate::auth::grants::{GrantError, GrantUpkeep};
use crate::sync::{SyncEngine, SyncError};
use crate::webhooks::{EffectError, HintEffect, WebhookError, Webhooks};
use futures::FutureExt;
use futures::future::try_join_all;
use sqlx::PgPool;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// No job runs longer. A scan of a very large tree is the longest; its progress is kept when it is cut.
const TIME_LIMIT: Duration = Duration::from_mins(30);

/// Scans at one time, so that a large tree does not keep the others waiting.
const CONCURRENT_SCANS: usize = 3;

/// Scans claimed before the time box is looked at.
const SCANS_PER_TURN: i64 = 4;

/// Grants refreshed, or revocations attempted, before the time box is looked at.
const GRANTS_PER_TURN: i64 = 32;

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
    /// The same for hints.
    #[error(transparent)]
    Hints(#[from] EffectError),
    /// The same for work on grants.
    #[error(transparent)]
    Grants(#[from] GrantError),
    /// The same for work on webhooks.
    #[error(transparent)]
    Webhooks(#[from] WebhookError),
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
    duties: Duties,
    pool: PgPool,
    stopping: CancellationToken,
    hints: Drain,
    scans: Drain,
    texts: Drain,
    vectors: Drain,
    upkeep: Drain,
    refreshes: Drain,
    revocations: Drain,
}

impl Jobs {
    /// Jobs for `duties` that queue their follow-ups through `pool`, and none once `stopping` is cancelled.
    pub fn new(duties: Duties, pool: PgPool, stopping: CancellationToken) -> Self {
        Self {
            duties,
            pool,
            stopping,
            hints: Drain::default(),
            scans: Drain::default(),
            texts: Drain::default(),
            vectors: Drain::default(),
            upkeep: Drain::default(),
            refreshes: Drain::default(),
            revocations: Drain::default(),
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

    /// A job for a duty that this process does not have was queued under another configuration: it has nothing to do.
    async fn work(&self, job: &Job) -> Result<(), HandlerError> {
        match job {
            Job::RefreshGrants | Job::FinishRevocations => match &self.duties.grants {
                Some(grants) => self.work_on_grants(job, grants.as_ref()).await,
                None => Ok(()),
            },
            Job::ReconcileWebhooks => match &self.duties.webhooks {
                Some(webhooks) => reconcile(webhooks).await,
                None => Ok(()),
            },
            Job::FollowHints => match (&self.duties.hints, &self.duties.sync) {
                (Some(hints), Some(engine)) => self.follow_hints(hints, engine).await,
                _ => Ok(()),
            },
            _ => match &self.duties.sync {
                Some(engine) => self.work_on_sync(job, engine).await,
                None => Ok(()),
            },
        }
    }

    async fn work_on_grants(&self, job: &Job, grants: &dyn GrantUpkeep) -> Result<(), HandlerError> {
        let refreshing = *job == Job::RefreshGrants;
        let drain = if refreshing {
            &self.refreshes
        } else {
            &self.revocations
        };
        let ended = drain
            .run(|| async {
                let done = if refreshing {
                    grants.refresh_due(GRANTS_PER_TURN).await?
                } else {
                    grants.finish_revocations(GRANTS_PER_TURN).await?
                };
                Ok::<_, GrantError>(done > 0 && !self.stopping.is_cancelled())
            })
            .await?;
        self.again(ended, job).await
    }

    async fn work_on_sync(&self, job: &Job, engine: &SyncEngine) -> Result<(), HandlerError> {
        match job {
            Job::ScanUser { uid } => {
                engine.wake_user(uid).await?;
                self.scan(engine).await
            }
            Job::ScanDue => self.scan(engine).await,
            Job::IndexText => self.index_text(engine).await,
            Job::Embed => {
                let ended = self
                    .vectors
                    .run(|| async { Ok::<_, SyncError>(engine.embed_turn().await? > 0) })
                    .await?;
                self.again(ended, &Job::Embed).await
            }
            Job::Housekeeping => {
                self.upkeep
                    .run(|| async {
                        engine.housekeeping().await?;
                        Ok::<_, SyncError>(false)
                    })
                    .await?;
                Ok(())
            }
            Job::FollowHints | Job::RefreshGrants | Job::FinishRevocations | Job::ReconcileWebhooks => Ok(()),
        }
    }

    /// What was hinted at is scanned at once.
    async fn follow_hints(&self, hints: &HintEffect, engine: &SyncEngine) -> Result<(), HandlerError> {
        let ended = self
            .hints
            .run(|| async {
                Ok::<_, EffectError>(hints.follow().await? > 0 && !self.stopping.is_cancelled())
            })
            .await?;
        self.again(ended, &Job::FollowHints).await?;
        self.scan(engine).await
    }

    async fn scan(&self, engine: &SyncEngine) -> Result<(), HandlerError> {
        let ended = self
            .scans
            .run(|| async {
                let lanes = (0..CONCURRENT_SCANS).map(|_| self.scan_lane(engine));
                Ok::<_, HandlerError>(try_join_all(lanes).await?.into_iter().any(|busy| busy))
            })
            .await?;
        self.again(ended, &Job::ScanDue).await
    }

    /// Runs a few due scans; what they found is worked on at once, deletions are carried out.
    async fn scan_lane(&self, engine: &SyncEngine) -> Result<bool, HandlerError> {
        let outcomes = engine.scan_due(SCANS_PER_TURN).await?;
        let reports = || outcomes.iter().filter_map(|outcome| outcome.result.as_ref().ok());
        if reports().any(|report| report.due > 0) {
            self.push(&Job::IndexText).await?;
        }
        if reports().any(|report| !report.unchanged) {
            self.push(&Job::Housekeeping).await?;
        }
        Ok(!outcomes.is_empty())
    }

    async fn index_text(&self, engine: &SyncEngine) -> Result<(), HandlerError> {
        let ended = self
            .texts
            .run(|| async { Ok::<_, SyncError>(engine.index_text_turn().await? > 0) })
            .await?;
        self.push(&Job::Housekeeping).await?;
        self.push(&Job::Embed).await?;
        self.again(ended, &Job::IndexText).await
    }

    async fn again(&self, ended: Drained, job: &Job) -> Result<(), HandlerError> {
        if ended == Drained::TimeBoxed && !self.stopping.is_cancelled() {
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

async fn reconcile(webhooks: &Webhooks) -> Result<(), HandlerError> {
    let reconciled = webhooks.reconcile().await?;
    tracing::debug!(?reconciled, "webhooks looked after");
    Ok(())
}

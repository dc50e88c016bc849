//! The clock of the background work: one wake-up per tick, whatever the number of replicas.

use super::duties::Duties;
use super::job::Job;
use super::queue::{self, QueueError};
use crate::audit::AuditError;
use crate::auth::grants::{DueUpkeep, GrantError};
use crate::clock::SharedClock;
use crate::db::DbError;
use crate::sync::{DueWork, SyncError};
use crate::webhooks::{DueWebhooks, EffectError, WebhookError};
use sqlx::PgPool;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often due work is looked for.
pub(super) const TICK: Duration = Duration::from_secs(5);

/// How often housekeeping runs, in seconds.
const HOUSEKEEPING_SECONDS: i64 = 60;

/// How often Nextcloud's webhooks are compared with what was asked for, in seconds.
const RECONCILE_SECONDS: i64 = 600;

/// The same while they are known to differ.
const SETTLE_SECONDS: i64 = 60;

/// How often finished jobs are cleaned up, in seconds.
const CLEANUP_SECONDS: i64 = 600;

/// A tick failed.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// Due work could not be asked for.
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
    /// A wake-up could not be queued.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// Old lines of the audit trail could not be removed.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Queues wake-ups for work that is due.
///
/// The number of the tick is part of the idempotency key, so that of all replicas one succeeds. A process that slept
/// for hours ticks once: what it missed is not made up for, because due work does not multiply.
pub(super) struct Ticker {
    duties: Duties,
    pool: PgPool,
    clock: SharedClock,
}

impl Ticker {
    pub(super) fn new(duties: Duties, pool: PgPool, clock: SharedClock) -> Self {
        Self { duties, pool, clock }
    }

    /// Ticks until `shutdown`.
    pub(super) async fn run(&self, shutdown: &CancellationToken) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.tick().await {
                tracing::warn!(%error, "a tick failed; the next one tries again");
            }
        }
    }

    /// One tick. Returns the jobs that were queued by this replica.
    pub(super) async fn tick(&self) -> Result<Vec<Job>, TickError> {
        let seconds = self.clock.now().timestamp();
        let tick = i64::try_from(TICK.as_secs()).unwrap_or(1).max(1);
        let (due, grants) = (self.due_work().await?, self.due_upkeep().await?);
        let webhooks = self.due_webhooks().await?;
        let hints = match &self.duties.hints {
            Some(hints) => hints.pending().await?,
            None => false,
        };
        let mut queued = Vec::new();
        for (name, job, period, wanted) in [
            ("follow_hints", Job::FollowHints, tick, hints),
            ("scan", Job::ScanDue, tick, due.scans),
            ("index_text", Job::IndexText, tick, due.texts),
            ("embed", Job::Embed, tick, due.vectors),
            (
                "housekeeping",
                Job::Housekeeping,
                HOUSEKEEPING_SECONDS,
                self.duties.sync.is_some(),
            ),
            ("refresh_grants", Job::RefreshGrants, tick, grants.refreshes),
            (
                "finish_revocations",
                Job::FinishRevocations,
                tick,
                grants.revocations,
            ),
            (
                "reconcile_webhooks",
                Job::ReconcileWebhooks,
                RECONCILE_SECONDS,
                webhooks.any,
            ),
            (
                "settle_webhooks",
                Job::ReconcileWebhooks,
                SETTLE_SECONDS,
                webhooks.unsettled,
            ),
        ] {
            if !wanted {
                continue;
            }
            let key = format!("cron:{name}:{}", seconds / period);
            let mut conn = self.pool.acquire().await.map_err(DbError)?;
            if queue::push_once(&mut conn, &job, &key).await? {
                queued.push(job);
            }
        }
        if seconds % CLEANUP_SECONDS < tick {
            super::cleanup::run(&self.pool, self.clock.now()).await?;
        }
        Ok(queued)
    }

    async fn due_work(&self) -> Result<DueWork, SyncError> {
        match &self.duties.sync {
            Some(engine) => engine.due_work().await,
            None => Ok(DueWork::default()),
        }
    }

    async fn due_webhooks(&self) -> Result<DueWebhooks, WebhookError> {
        match &self.duties.webhooks {
            Some(webhooks) => webhooks.due().await,
            None => Ok(DueWebhooks::default()),
        }
    }

    async fn due_upkeep(&self) -> Result<DueUpkeep, GrantError> {
        match &self.duties.grants {
            Some(grants) => grants.due().await,
            None => Ok(DueUpkeep::default()),
        }
    }
}

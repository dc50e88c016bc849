//! Removing finished jobs and workers that are gone, which apalis does not, and what the audit trail need not keep.
//!
//! The tables of the jobs belong to apalis and are made by its own migrations, so these statements are the only ones
//! that are not checked at compile time.

use super::queue;
use super::ticker::TickError;
use crate::audit::PgAuditTrail;
use crate::db::DbError;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Removes what nobody looks at any more. Idempotency keys only need to outlive their tick.
pub(super) async fn run(pool: &PgPool, now: DateTime<Utc>) -> Result<(), TickError> {
    sqlx::query(
        "delete from apalis.jobs
         where job_type = any($1) and (
             status = 'Done' and done_at < now() - interval '10 minutes'
             or (status = 'Killed' or status = 'Failed' and attempts >= max_attempts)
                and coalesce(done_at, run_at) < now() - interval '7 days')",
    )
    .bind(
        [queue::SYNC, queue::GRANTS, queue::WEBHOOKS]
            .map(str::to_owned)
            .to_vec(),
    )
    .execute(pool)
    .await
    .map_err(DbError)?;
    sqlx::query(
        "delete from apalis.workers w
         where last_seen < now() - interval '1 hour'
           and not exists (select from apalis.jobs j where j.lock_by = w.id)",
    )
    .execute(pool)
    .await
    .map_err(DbError)?;
    PgAuditTrail::new(pool.clone()).forget_old(now).await?;
    Ok(())
}

/// Puts jobs back into their queues that the workers of the run `run_id`, which has ended, hold still.
pub(super) async fn give_back(pool: &PgPool, run_id: &str) -> Result<(), DbError> {
    sqlx::query(
        "update apalis.jobs set status = 'Pending', lock_by = null, lock_at = null
         where status in ('Queued', 'Running') and lock_by like '%-' || $1 || '-%'",
    )
    .bind(run_id)
    .execute(pool)
    .await
    .map_err(DbError)?;
    Ok(())
}

//! One scan per user at a time: a lease with a fencing generation on the row of `scans`.

use crate::ids::UserId;
use crate::sync::SyncError;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

/// How long a scan may be silent before another worker takes it over. Every written batch renews it.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// The right to scan one source of one user.
#[derive(Debug, Clone, PartialEq)]
pub struct ScanLease {
    /// Whose.
    pub user: UserId,
    /// Name of the source.
    pub source: String,
    /// Fence: nothing is written once the row carries another one.
    pub generation: i64,
    /// Number of this scan.
    pub number: i64,
    /// `ETag` of the root, or the version of everything, at the last complete scan.
    pub root_etag: Option<String>,
    /// When everything was last walked.
    pub full_walk_at: Option<DateTime<Utc>>,
    /// When the last complete scan ended; `None`: this is the first one.
    pub completed_at: Option<DateTime<Utc>>,
    /// Something asked for this scan out of turn.
    pub was_woken: bool,
    /// The user's notes folder as of the last scan.
    pub notes_path: Option<String>,
}

/// Takes up to `limit` scans of `sources` that are due and that nobody holds. Paused users are left out, but for
/// disabled accounts, which may come back.
pub async fn claim(
    pool: &PgPool,
    sources: &[String],
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<ScanLease>, SyncError> {
    Ok(sqlx::query_as!(
        ScanLease,
        r#"with due as (
               select s.uid, s.source, s.woken_for is not null as was_woken from scans s join users u on u.uid = s.uid
               where s.due_at <= $1 and (s.lease_until is null or s.lease_until < $1)
                 and s.source = any($4)
                 and (u.sync_state = 'active' or u.sync_state_reason = 'account_disabled')
               order by s.due_at, s.uid limit $2
               for update of s skip locked)
           update scans s set lease_until = $3, lease_generation = s.lease_generation + 1,
                  scan_number = s.scan_number + 1, started_at = $1, woken_for = null
           from due, users u where s.uid = due.uid and s.source = due.source and u.uid = s.uid
           returning s.uid as "user: UserId", s.source, s.lease_generation as generation, s.scan_number as number,
                     s.root_etag, s.full_walk_at, s.completed_at, due.was_woken as "was_woken!", u.notes_path"#,
        now,
        limit,
        now + LEASE,
        sources
    )
    .fetch_all(pool)
    .await?)
}

impl ScanLease {
    /// Renews the lease inside the transaction that is about to write; the row stays locked until its end.
    pub async fn renew(&self, conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), SyncError> {
        let renewed = sqlx::query!(
            "update scans set lease_until = $4 where uid = $1 and source = $2 and lease_generation = $3",
            self.user.as_str(),
            self.source,
            self.generation,
            now + LEASE
        )
        .execute(conn)
        .await?;
        if renewed.rows_affected() == 1 {
            Ok(())
        } else {
            Err(SyncError::LeaseLost)
        }
    }

    /// Gives the scan back unfinished: it is due at once.
    pub async fn release(&self, pool: &PgPool) -> Result<(), SyncError> {
        sqlx::query!(
            "update scans set lease_until = null where uid = $1 and source = $2 and lease_generation = $3",
            self.user.as_str(),
            self.source,
            self.generation
        )
        .execute(pool)
        .await?;
        Ok(())
    }
}

//! Forgetting a user: readers, documents of nobody, state and credential.

use super::users::{self, PauseReason};
use super::{SyncError, access};
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Documents taken off a user in one transaction.
const BATCH: i64 = 1_000;

/// Removes the user. The pause comes first and fences scans off, so that a removal cut short is seen and finished
/// by [`finish_removals`].
pub async fn remove(pool: &PgPool, user: &UserId, now: DateTime<Utc>) -> Result<(), SyncError> {
    users::pause(pool, user, PauseReason::Removed, now).await?;
    // Should the user come back meanwhile, everything must be listed anew.
    sqlx::query!(
        "update scans set lease_generation = lease_generation + 1, lease_until = null, root_etag = null,
                full_walk_at = null, completed_at = null
         where uid = $1",
        user.as_str()
    )
    .execute(pool)
    .await?;
    loop {
        let documents = sqlx::query_scalar!(
            "select document_id from document_readers where uid = $1 order by document_id limit $2",
            user.as_str(),
            BATCH
        )
        .fetch_all(pool)
        .await?;
        if documents.is_empty() {
            break;
        }
        let mut tx = pool.begin().await?;
        let still_removed = sqlx::query_scalar!(
            "select uid from users where uid = $1 and sync_state_reason = 'removed' for share",
            user.as_str()
        )
        .fetch_optional(&mut *tx)
        .await?;
        if still_removed.is_none() {
            // A new credential came: the next scan decides what the user reads.
            return Ok(());
        }
        access::remove_reader(&mut tx, user, &documents, now).await?;
        tx.commit().await?;
    }
    sqlx::query!(
        "delete from users where uid = $1 and sync_state_reason = 'removed'",
        user.as_str()
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Finishes removals that were cut short.
pub async fn finish_removals(pool: &PgPool, now: DateTime<Utc>) -> Result<(), SyncError> {
    let users = sqlx::query_scalar!(
        r#"select uid as "uid: UserId" from users where sync_state = 'paused' and sync_state_reason = 'removed'"#
    )
    .fetch_all(pool)
    .await?;
    for user in users {
        remove(pool, &user, now).await?;
    }
    Ok(())
}

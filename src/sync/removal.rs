//! Forgetting a user: readers, documents of nobody, what only this user excluded, state and credential.
//!
//! Who takes the last credential marks the user as removed, in one transaction with that. What is here carries it out and
//! marks nobody: each step looks for the mark under the lock of the user's row, so that a user who comes back at any
//! time keeps the new credential.

use super::{SyncError, access, exclusions, users};
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// Documents taken off a user in one transaction.
const BATCH: i64 = 1_000;

/// Removes a user who is marked as removed; anybody else is left alone. One that is cut short is finished by
/// [`finish_removals`].
pub async fn remove(pool: &PgPool, user: &UserId, now: DateTime<Utc>) -> Result<(), SyncError> {
    let mut tx = pool.begin().await?;
    if !is_marked(&mut tx, user).await? {
        return Ok(());
    }
    // Fences running scans off. Should the user come back meanwhile, everything must be listed anew.
    sqlx::query!(
        "update scans set lease_generation = lease_generation + 1, lease_until = null, root_etag = null,
                full_walk_at = null, completed_at = null
         where uid = $1",
        user.as_str()
    )
    .execute(&mut *tx)
    .await?;
    users::pass_turns_on(&mut tx, user).await?;
    tx.commit().await?;
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
        if !is_marked(&mut tx, user).await? {
            // A new credential came: the next scan decides what the user reads.
            return Ok(());
        }
        access::remove_reader(&mut tx, user, &documents, now).await?;
        tx.commit().await?;
    }
    loop {
        let mut tx = pool.begin().await?;
        if !is_marked(&mut tx, user).await? {
            return Ok(());
        }
        exclusions::lock(&mut tx).await?;
        let ended = exclusions::end_of_user(&mut tx, user, BATCH, now).await?;
        tx.commit().await?;
        if ended == 0 {
            break;
        }
    }
    sqlx::query!(
        "delete from users where uid = $1 and sync_state_reason = 'removed'",
        user.as_str()
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Whether the user is to be removed; as long as the transaction lasts, nothing changes that.
async fn is_marked(conn: &mut PgConnection, user: &UserId) -> Result<bool, SyncError> {
    let marked = sqlx::query_scalar!(
        "select uid from users where uid = $1 and sync_state_reason = 'removed' for share",
        user.as_str()
    )
    .fetch_optional(conn)
    .await?;
    Ok(marked.is_some())
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

//! The row of a user in `users`, as credentials come and go.
//!
//! Who stores a credential or takes one away does so in one transaction, which begins with one of these: the lock on the
//! row makes the changes of one user happen one after the other. Everybody takes locks in the order `users`, `grants`,
//! `app_passwords`.

use crate::db::DbError;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Locks the user's row, and so holds up whoever else changes a credential of this user.
pub(super) async fn lock(conn: &mut PgConnection, user: &UserId) -> Result<(), DbError> {
    sqlx::query_scalar!("select uid from users where uid = $1 for update", user.as_str())
        .fetch_optional(conn)
        .await?;
    Ok(())
}

/// Makes sure that the user exists and is synced: a new credential ends every pause, and a removal under way.
pub(super) async fn welcome(
    conn: &mut PgConnection,
    user: &UserId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    // The row is locked also when there is nothing to change.
    sqlx::query!(
        "insert into users (uid) values ($1)
         on conflict (uid) do update set sync_state = 'active', sync_state_reason = null, sync_state_since = $2
         where users.sync_state <> 'active'",
        user.as_str(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Puts on record that what was synced of the user is to be purged. Whoever finishes that finds out by this mark
/// whether the user has come back.
pub(super) async fn mark_removed(
    conn: &mut PgConnection,
    user: &UserId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "update users set sync_state = 'paused', sync_state_reason = 'removed', sync_state_since = $2
         where uid = $1 and sync_state_reason is distinct from 'removed'",
        user.as_str(),
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

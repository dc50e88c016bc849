//! Whose documents are synced, and who is left alone for a while.

use super::SyncError;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// Why a user is not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PauseReason {
    /// Nextcloud answered 401; the credential was dropped.
    CredentialRejected,
    /// No credential is stored, or it cannot be read.
    NoCredential,
    /// The account is disabled in Nextcloud; asked again every hour.
    AccountDisabled,
    /// The user is being removed from this server.
    Removed,
}

impl PauseReason {
    /// Stable code, as it stands in `users.sync_state_reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CredentialRejected => "credential_rejected",
            Self::NoCredential => "no_credential",
            Self::AccountDisabled => "account_disabled",
            Self::Removed => "removed",
        }
    }
}

/// Makes sure that the user exists, is active, and that each source is scanned now.
pub async fn enqueue(
    pool: &PgPool,
    user: &UserId,
    sources: &[String],
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "insert into users (uid) values ($1) on conflict do nothing",
        user.as_str()
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "insert into scans (uid, source, due_at) select $1, s, $3 from unnest($2::text[]) as s
         on conflict (uid, source) do update set due_at = least(scans.due_at, excluded.due_at)",
        user.as_str(),
        sources,
        now
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    end_pause(pool, user, None, now).await?;
    // The pause may have ended with the storing of the credential.
    take_turns(pool, user).await
}

/// The user's scans, or the one of `source`, are due now: something was seen that the last scan cannot know.
pub async fn wake_scans(
    pool: &PgPool,
    user: &UserId,
    source: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    sqlx::query!(
        "update scans set due_at = least(due_at, $2), woken_for = least(woken_for, $2)
         where uid = $1 and ($3::text is null or source = $3)",
        user.as_str(),
        now,
        source
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Ends the pause of a disabled account that answers again. A pause for another reason stays: a scan that began
/// before it says nothing about it.
pub async fn enabled_again(pool: &PgPool, user: &UserId, now: DateTime<Utc>) -> Result<(), SyncError> {
    end_pause(pool, user, Some(PauseReason::AccountDisabled), now).await
}

/// Ends a pause, with `only` none for another reason. Documents that waited for nobody wait for this user again.
async fn end_pause(
    pool: &PgPool,
    user: &UserId,
    only: Option<PauseReason>,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    let woken = sqlx::query!(
        "update users set sync_state = 'active', sync_state_reason = null, sync_state_since = $2
         where uid = $1 and sync_state <> 'active' and ($3::text is null or sync_state_reason = $3)",
        user.as_str(),
        now,
        only.map(PauseReason::as_str)
    )
    .execute(pool)
    .await?;
    if woken.rows_affected() > 0 {
        take_turns(pool, user).await?;
    }
    Ok(())
}

/// Puts documents that wait for nobody on this user's turn.
async fn take_turns(pool: &PgPool, user: &UserId) -> Result<(), SyncError> {
    sqlx::query!(
        "update documents d set queue_uid = $1 from document_readers r
         where r.uid = $1 and r.document_id = d.id and d.queue_uid is null
           and d.state in ('pending', 'searchable')",
        user.as_str()
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Stops syncing the user. A removal under way stays marked, so that it is finished. Documents on this user's turn go to
/// another reader who is synced, or wait.
pub async fn pause(
    pool: &PgPool,
    user: &UserId,
    reason: PauseReason,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "update users set sync_state = 'paused', sync_state_reason = $2, sync_state_since = $3
         where uid = $1 and (sync_state = 'active' or sync_state_reason is distinct from $2)
           and sync_state_reason is distinct from 'removed'",
        user.as_str(),
        reason.as_str(),
        now
    )
    .execute(&mut *tx)
    .await?;
    pass_turns_on(&mut tx, user).await?;
    tx.commit().await?;
    Ok(())
}

/// Puts documents on this user's turn on the turn of another reader who is synced; else they wait.
pub(super) async fn pass_turns_on(conn: &mut PgConnection, user: &UserId) -> Result<(), SyncError> {
    sqlx::query!(
        "update documents d set queue_uid = (
             select min(r.uid) from document_readers r join users u on u.uid = r.uid
             where r.document_id = d.id and u.sync_state = 'active')
         where d.queue_uid = $1 and d.state in ('pending', 'searchable')",
        user.as_str()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives active users the scans of `sources` that they lack: those of a source that this version brought, or all of
/// them when nobody scanned when the user came.
pub async fn repair_scans(pool: &PgPool, sources: &[String], now: DateTime<Utc>) -> Result<u64, SyncError> {
    let created = sqlx::query!(
        "insert into scans (uid, source, due_at)
         select uid, source, $2 from users, unnest($1::text[]) as source where sync_state = 'active'
         on conflict do nothing",
        sources,
        now
    )
    .execute(pool)
    .await?;
    Ok(created.rows_affected())
}

/// Puts documents on the turn of someone who reads them and is synced, where that is no longer so.
pub async fn repair_turns(pool: &PgPool) -> Result<u64, SyncError> {
    let repaired = sqlx::query!(
        "update documents d set queue_uid = c.uid
         from (select d.id, min(r.uid) as uid from documents d
               join document_readers r on r.document_id = d.id
               join users u on u.uid = r.uid and u.sync_state = 'active'
               where d.state in ('pending', 'searchable') and not exists (
                   select from document_readers q join users v on v.uid = q.uid and v.sync_state = 'active'
                   where q.document_id = d.id and q.uid = d.queue_uid)
               group by d.id) c
         where d.id = c.id"
    )
    .execute(pool)
    .await?;
    Ok(repaired.rows_affected())
}

/// Stores the user's notes folder; `None` when the Notes app is away.
pub async fn set_notes_path(
    conn: &mut PgConnection,
    user: &UserId,
    path: Option<&str>,
) -> Result<(), SyncError> {
    sqlx::query!(
        "update users set notes_path = $2 where uid = $1 and notes_path is distinct from $2",
        user.as_str(),
        path
    )
    .execute(conn)
    .await?;
    Ok(())
}

//! Taking documents from the queue: whose turn it is, and the lease on what was taken.

use super::SyncError;
use crate::ids::{DocumentId, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{PgConnection, PgPool};

/// How long a document may be worked on before another worker takes it over.
const LEASE: TimeDelta = TimeDelta::minutes(5);

/// What a document waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Phase 1: text, chunks, sparse vectors.
    Text,
    /// Phase 2: dense vectors.
    Dense,
}

impl Phase {
    /// The state of documents that wait for this phase.
    fn state(self) -> &'static str {
        match self {
            Self::Text => "pending",
            Self::Dense => "searchable",
        }
    }
}

/// A document under lease.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Row.
    pub id: DocumentId,
    /// Family: which source it comes from.
    pub family: String,
    /// Id within the family.
    pub native_id: String,
    /// Version to be indexed.
    pub etag: String,
    /// MIME type of the listing.
    pub mime_type: Option<String>,
    /// Failed attempts at this version.
    pub attempts: i32,
    /// Fence: nothing is written once the row carries another one.
    pub lease_generation: i64,
    /// Generation that searches show; 0 = none.
    pub visible_generation: i64,
    /// Hash of the visible content.
    pub content_hash: Option<Vec<u8>>,
    /// No dense vectors are wanted.
    pub keyword_only: bool,
    /// Path of the reader on whose turn it is.
    pub path: String,
    /// Part of the source that holds it, for that reader.
    pub part: String,
    /// `note`, `file` … to that reader.
    pub doc_type: String,
}

/// The users whose turn it is: they waited longest and have documents due. Their turn is noted.
pub async fn users_due(
    pool: &PgPool,
    phase: Phase,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<UserId>, SyncError> {
    Ok(sqlx::query_scalar!(
        r#"with due as (
               select u.uid from users u
               where u.sync_state = 'active' and exists (
                   select from documents d where d.state = $1 and d.queue_uid = u.uid and d.due_at <= $2
                   and (d.lease_until is null or d.lease_until < $2))
               order by u.last_served_at, u.uid limit $3
               for update of u skip locked)
           update users u set last_served_at = greatest($2, u.last_served_at + interval '1 microsecond')
           from due where u.uid = due.uid returning u.uid as "uid: UserId""#,
        phase.state(),
        now,
        limit
    )
    .fetch_all(pool)
    .await?)
}

/// Whether any document of an active user is due in this phase.
pub async fn any_due(pool: &PgPool, phase: Phase, now: DateTime<Utc>) -> Result<bool, SyncError> {
    Ok(sqlx::query_scalar!(
        r#"select exists (
               select from documents d join users u on u.uid = d.queue_uid and u.sync_state = 'active'
               where d.state = $1 and d.due_at <= $2 and (d.lease_until is null or d.lease_until < $2)) as "any!""#,
        phase.state(),
        now
    )
    .fetch_one(pool)
    .await?)
}

/// Documents of one family by their native ids.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// Family.
    pub family: &'a str,
    /// Native ids.
    pub ids: &'a [String],
}

/// Takes up to `limit` documents of `user`; with `only`, none but those.
pub async fn claim(
    pool: &PgPool,
    phase: Phase,
    user: &UserId,
    only: Option<Named<'_>>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Claimed>, SyncError> {
    Ok(sqlx::query_as!(
        Claimed,
        r#"with due as (
               select d.id, r.path, r.part, r.doc_type from documents d
               join document_readers r on r.document_id = d.id and r.uid = $2
               where d.state = $1 and d.queue_uid = $2 and d.due_at <= $3
                 and (d.lease_until is null or d.lease_until < $3)
                 and ($4::text[] is null or d.native_id = any($4) and d.family = $7)
               order by d.due_at, d.id limit $5
               for update of d skip locked)
           update documents d set lease_until = $6, lease_generation = d.lease_generation + 1
           from due where d.id = due.id
           returning d.id as "id: DocumentId", d.family, d.native_id, d.etag, d.mime_type, d.attempts, d.lease_generation,
                     d.visible_generation, d.content_hash, due.path, due.part, due.doc_type, d.keyword_only"#,
        phase.state(),
        user.as_str(),
        now,
        only.map(|only| only.ids) as Option<&[String]>,
        limit,
        now + LEASE,
        only.map(|only| only.family)
    )
    .fetch_all(pool)
    .await?)
}

/// Begins the time of a lease anew.
///
/// # Errors
/// [`SyncError::LeaseLost`] when another worker took the document over meanwhile.
pub async fn renew(pool: &PgPool, document: &Claimed, now: DateTime<Utc>) -> Result<(), SyncError> {
    let renewed = sqlx::query!(
        "update documents set lease_until = $3 where id = $1 and lease_generation = $2 and lease_until is not null",
        document.id.0,
        document.lease_generation,
        now + LEASE
    )
    .execute(pool)
    .await?;
    if renewed.rows_affected() == 0 {
        return Err(SyncError::LeaseLost);
    }
    Ok(())
}

/// Puts off all documents of `user` that are due in this phase and that nobody works on.
pub async fn put_off(
    pool: &PgPool,
    phase: Phase,
    user: &UserId,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    sqlx::query!(
        "update documents set due_at = $3
         where state = $1 and queue_uid = $2 and due_at <= $4 and (lease_until is null or lease_until < $4)",
        phase.state(),
        user.as_str(),
        until,
        now
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Gives a document back as it is: it is due again at once.
pub async fn release(conn: &mut PgConnection, document: &Claimed) -> Result<(), SyncError> {
    sqlx::query!(
        "update documents set lease_until = null where id = $1 and lease_generation = $2",
        document.id.0,
        document.lease_generation
    )
    .execute(conn)
    .await?;
    Ok(())
}

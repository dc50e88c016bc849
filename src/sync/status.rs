//! Progress that people and Astrolabe read.

use crate::clock::SharedClock;
use crate::db::DbError;
use crate::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use sqlx::PgPool;

/// Progress of one phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct PhaseProgress {
    /// Documents that are through.
    pub done: i64,
    /// Documents waiting.
    pub waiting: i64,
    /// Documents per second over the last minute.
    pub per_second: f64,
    /// Seconds until the queue is empty at this rate; `None` when nothing moves or waits.
    #[schema(required)]
    pub eta_seconds: Option<f64>,
}

/// A document that was given up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeadLetter {
    /// `note`, `file` …, as this reader sees it.
    pub doc_type: String,
    /// Native id.
    pub id: String,
    /// The reader's path.
    pub path: String,
    /// What went wrong.
    pub reason: String,
    /// Attempts made.
    pub attempts: i32,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// How the scans of one source go.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceStatus {
    /// Name of the source.
    pub source: String,
    /// Users whom it is read for.
    pub users: i64,
    /// Users whose last scan failed.
    pub failing: i64,
    /// Users for whom it is not there, such as an app that is not installed.
    pub unavailable: i64,
    /// When a scan last ended completely.
    pub last_completed: Option<DateTime<Utc>>,
    /// Why the scan that failed last did, or why the source is not there; for operators, as it may name internal
    /// addresses.
    pub problem: Option<String>,
}

impl SourceStatus {
    /// `failing`, `not_available`, `waiting` (no scan has ended yet) or `ok`; the worst of its users' states.
    pub fn state(&self) -> &'static str {
        if self.failing > 0 {
            "failing"
        } else if self.unavailable > 0 {
            "not_available"
        } else if self.last_completed.is_none() {
            "waiting"
        } else {
            "ok"
        }
    }
}

/// The state of the sync: of everyone, or of one user's documents.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct SyncStatus {
    /// `idle` or `syncing`.
    pub status: String,
    /// Documents whose text is searchable.
    pub indexed_documents: i64,
    /// Chunks in the index.
    pub indexed_chunks: i64,
    /// Documents waiting for phase 1.
    pub pending_documents: i64,
    /// Chunks that have a dense vector.
    pub hybrid_chunks: i64,
    /// Bytes of the dense vectors in `PostgreSQL`.
    pub estimated_vector_bytes: i64,
    /// Text, chunks, sparse vectors.
    pub keyword: PhaseProgress,
    /// Dense vectors.
    pub dense: PhaseProgress,
    /// Documents that are not searched, by reason: they have no text, or are excluded.
    pub skipped: Vec<(String, i64)>,
    /// Documents given up.
    pub dead_letter_count: i64,
    /// When the last scan ended completely.
    pub last_sync_time: Option<DateTime<Utc>>,
    /// Errors of the last 24 hours: dead letters and failed scans.
    pub errors_24h: i64,
    /// How the scans of each source go.
    pub sources: Vec<SourceStatus>,
}

/// Reads [`SyncStatus`] from the database.
#[derive(Debug, Clone)]
pub struct SyncStatusService {
    pool: PgPool,
    clock: SharedClock,
}

/// One row per state and reason of the documents asked for.
struct StateRow {
    state: String,
    reason: Option<String>,
    documents: i64,
    chunks: i64,
    dense_chunks: i64,
    visible: i64,
    text_rate: i64,
    dense_rate: i64,
    dead_today: i64,
}

impl SyncStatusService {
    /// Reads through `pool`; rates are measured against `clock`.
    pub fn new(pool: PgPool, clock: SharedClock) -> Self {
        Self { pool, clock }
    }

    /// The state for `user`, or of everyone.
    pub async fn status(&self, user: Option<&UserId>) -> Result<SyncStatus, DbError> {
        let now = self.clock.now();
        let uid = user.map(UserId::as_str);
        let rows = self.rows(uid).await?;
        let sum = |pick: fn(&StateRow) -> i64| rows.iter().map(pick).sum::<i64>();
        let documents_in = |states: &[&str]| {
            rows.iter()
                .filter(|row| states.contains(&row.state.as_str()))
                .map(|row| row.documents)
                .sum::<i64>()
        };
        let scans = sqlx::query!(
            r#"select max(completed_at) as last_completed,
                      count(*) filter (where last_error_at > $2) as "failed!",
                      count(*) filter (where lease_until > $3
                          or completed_at is null and u.sync_state = 'active' and (consecutive_errors = 0 or not exists (
                              select from scans o where o.uid = s.uid and o.completed_at is not null)))
                          as "running!"
               from scans s join users u on u.uid = s.uid where $1::text is null or s.uid = $1"#,
            uid,
            now - TimeDelta::days(1),
            now
        )
        .fetch_one(&self.pool)
        .await?;
        let vector_bytes =
            sqlx::query_scalar!("select octet_length(dense) from chunks where dense is not null limit 1")
                .fetch_optional(&self.pool)
                .await?
                .flatten()
                .unwrap_or_default();
        let (pending, searchable) = (documents_in(&["pending"]), documents_in(&["searchable"]));
        let hybrid_chunks = sum(|row| row.dense_chunks);
        let mut skipped: Vec<(String, i64)> = rows
            .iter()
            .filter(|row| row.state == "skipped")
            .map(|row| (row.reason.clone().unwrap_or_default(), row.documents))
            .collect();
        skipped.sort();
        let busy = pending + searchable + scans.running > 0;
        Ok(SyncStatus {
            status: if busy { "syncing" } else { "idle" }.to_owned(),
            indexed_documents: sum(|row| row.visible),
            indexed_chunks: sum(|row| row.chunks),
            pending_documents: pending,
            hybrid_chunks,
            estimated_vector_bytes: hybrid_chunks * i64::from(vector_bytes),
            keyword: progress(
                documents_in(&["searchable", "indexed"]),
                pending,
                sum(|row| row.text_rate),
            ),
            dense: progress(
                rows.iter()
                    .filter(|row| row.state == "indexed" && row.dense_chunks > 0)
                    .map(|row| row.documents)
                    .sum(),
                searchable,
                sum(|row| row.dense_rate),
            ),
            skipped,
            dead_letter_count: documents_in(&["dead"]),
            last_sync_time: scans.last_completed,
            errors_24h: sum(|row| row.dead_today) + scans.failed,
            sources: self.sources(user).await?,
        })
    }

    /// The documents by state; reasons are told apart for skipped ones only, where they are few stable codes.
    async fn rows(&self, uid: Option<&str>) -> Result<Vec<StateRow>, DbError> {
        let now = self.clock.now();
        Ok(sqlx::query_as!(
            StateRow,
            r#"select d.state, case when d.state = 'skipped' then d.reason end as reason,
                      count(*) as "documents!", coalesce(sum(d.chunk_count), 0) as "chunks!",
                      coalesce(sum(d.dense_chunk_count), 0) as "dense_chunks!",
                      count(*) filter (where d.visible_generation > 0) as "visible!",
                      count(*) filter (where d.text_indexed_at > $2) as "text_rate!",
                      count(*) filter (where d.dense_indexed_at > $2) as "dense_rate!",
                      count(*) filter (where d.state = 'dead' and d.state_changed_at > $3) as "dead_today!"
               from documents d
               where $1::text is null
                  or exists (select from document_readers r where r.document_id = d.id and r.uid = $1)
               group by 1, 2"#,
            uid,
            now - TimeDelta::seconds(RATE_SECONDS),
            now - TimeDelta::days(1)
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// Seconds since the last complete scan of the active user who has waited longest; 0 without users. It grows while
    /// scans fail or never end (case Q20).
    pub async fn oldest_scan_seconds(&self) -> Result<f64, DbError> {
        Ok(sqlx::query_scalar!(
            r#"select coalesce(extract(epoch from max($1 - coalesce(s.completed_at, u.sync_state_since))), 0)::float8
                      as "age!"
               from scans s join users u on u.uid = s.uid where u.sync_state = 'active'"#,
            self.clock.now()
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// The state of each source, of everyone or of one user; sources that nobody's scans have are left out.
    pub async fn sources(&self, user: Option<&UserId>) -> Result<Vec<SourceStatus>, DbError> {
        let uid = user.map(UserId::as_str);
        Ok(sqlx::query_as!(
            SourceStatus,
            r#"select s.source, count(*) as "users!",
                      count(*) filter (where s.consecutive_errors > 0) as "failing!",
                      count(*) filter (where s.unavailable is not null) as "unavailable!",
                      max(s.completed_at) as last_completed,
                      (array_agg(coalesce(s.last_error, s.unavailable) order by s.last_error_at desc nulls last)
                          filter (where s.last_error is not null or s.unavailable is not null))[1] as problem
               from scans s join users u on u.uid = s.uid
               where u.sync_state = 'active' and ($1::text is null or s.uid = $1)
               group by s.source order by s.source"#,
            uid
        )
        .fetch_all(&self.pool)
        .await?)
    }

    /// At most `limit` dead letters that `user` may know of, newest first.
    pub async fn dead_letters(&self, user: &UserId, limit: i64) -> Result<Vec<DeadLetter>, DbError> {
        Ok(sqlx::query_as!(
            DeadLetter,
            r#"select r.doc_type, d.native_id as id, r.path, coalesce(d.reason, '') as "reason!", d.attempts,
                      d.state_changed_at as since
               from document_readers r join documents d on d.id = r.document_id
               where r.uid = $1 and d.state = 'dead'
               order by d.state_changed_at desc, d.id limit $2"#,
            user.as_str(),
            limit.max(0)
        )
        .fetch_all(&self.pool)
        .await?)
    }
}

/// Over how many seconds the rates are measured.
const RATE_SECONDS: i64 = 60;

/// Progress from counts; `recent` is the number of documents of the last [`RATE_SECONDS`].
fn progress(done: i64, waiting: i64, recent: i64) -> PhaseProgress {
    let per_second = as_f64(recent) / as_f64(RATE_SECONDS);
    let eta_seconds = (waiting > 0 && recent > 0).then(|| as_f64(waiting) / per_second);
    PhaseProgress {
        done,
        waiting,
        per_second,
        eta_seconds,
    }
}

/// Counts of documents are far below 2³², where every whole number is an exact `f64`.
fn as_f64(count: i64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

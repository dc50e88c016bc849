//! Progress that people and Astrolabe read.

use crate::db::DbError;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// Progress of one phase.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct PhaseProgress {
    /// Documents that are through.
    pub done: i64,
    /// Documents waiting.
    pub waiting: i64,
    /// Documents per second over the last minute.
    pub per_second: f64,
    /// Seconds until the queue is empty at this rate; `None` when nothing moves or waits.
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
    /// Documents without text, by reason.
    pub skipped: Vec<(String, i64)>,
    /// Documents given up.
    pub dead_letter_count: i64,
    /// When the last scan ended completely.
    pub last_sync_time: Option<DateTime<Utc>>,
    /// Errors of the last 24 hours: dead letters and failed scans.
    pub errors_24h: i64,
}

/// Reads [`SyncStatus`] from the database.
#[derive(Debug, Clone)]
pub struct SyncStatusService {}

impl SyncStatusService {
    /// The state for `user`, or of everyone.
    pub async fn status(&self, user: Option<&UserId>) -> Result<SyncStatus, DbError> {
        let _ = user;
        todo!()
    }

    /// At most `limit` dead letters that `user` may know of.
    pub async fn dead_letters(&self, user: &UserId, limit: i64) -> Result<Vec<DeadLetter>, DbError> {
        let _ = (user, limit);
        todo!()
    }
}

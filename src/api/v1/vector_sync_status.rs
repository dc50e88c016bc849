//! `GET /api/v1/vector-sync/status`: progress of the sync, over all users. Public, so it holds numbers only.

use crate::api::openapi::ErrorBody;
use crate::api::{ApiError, ApiState};
use crate::sync::{PhaseProgress, SyncStatus};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Progress of the sync, over all users.
#[derive(Serialize, ToSchema)]
pub(crate) struct VectorSyncStatus {
    /// `idle`, `syncing` or another word.
    status: String,
    /// Documents that are found by their words.
    indexed_documents: i64,
    /// Their passages.
    indexed_chunks: i64,
    /// Older name of `indexed_chunks`.
    indexed_count: i64,
    /// Passages that have vectors, too.
    hybrid_chunks: i64,
    /// What these vectors take.
    estimated_vector_bytes: i64,
    /// Documents that wait for anything.
    pending_documents: i64,
    /// `postgres`.
    ingest_queue: &'static str,
    /// Keyword search.
    keyword: PhaseProgress,
    /// Vectors.
    dense: PhaseProgress,
    /// Over the last minute.
    documents_per_second: f64,
    /// Documents that are not searched, by reason: they have no text, or are excluded.
    skipped: BTreeMap<String, i64>,
    /// Documents given up.
    dead_letters: i64,
    /// When the last scan ended completely.
    #[schema(required)]
    last_sync_time: Option<DateTime<Utc>>,
    /// Documents given up and scans that failed in the last 24 hours.
    errors_24h: i64,
}

impl From<&SyncStatus> for VectorSyncStatus {
    fn from(sync: &SyncStatus) -> Self {
        Self {
            status: sync.status.clone(),
            indexed_documents: sync.indexed_documents,
            indexed_chunks: sync.indexed_chunks,
            indexed_count: sync.indexed_chunks,
            hybrid_chunks: sync.hybrid_chunks,
            estimated_vector_bytes: sync.estimated_vector_bytes,
            pending_documents: sync.pending_documents,
            ingest_queue: "postgres",
            keyword: sync.keyword.clone(),
            dense: sync.dense.clone(),
            documents_per_second: sync.keyword.per_second,
            skipped: sync.skipped.iter().cloned().collect(),
            dead_letters: sync.dead_letter_count,
            last_sync_time: sync.last_sync_time,
            errors_24h: sync.errors_24h,
        }
    }
}

/// How far the sync is.
///
/// Numbers over all users, a few seconds old at most.
#[utoipa::path(
    get,
    path = "/api/v1/vector-sync/status",
    tag = "status",
    responses(
        (status = 200, description = "Progress", body = VectorSyncStatus, example = json!({
            "status": "syncing", "indexed_documents": 940, "indexed_chunks": 5_120, "indexed_count": 5_120,
            "hybrid_chunks": 4_800, "estimated_vector_bytes": 3_686_400, "pending_documents": 60,
            "ingest_queue": "postgres",
            "keyword": {"done": 940, "waiting": 60, "per_second": 7.5, "eta_seconds": 8.0},
            "dense": {"done": 900, "waiting": 100, "per_second": 2.5, "eta_seconds": 40.0},
            "documents_per_second": 7.5, "skipped": {"no_text": 3}, "dead_letters": 0,
            "last_sync_time": "2026-03-01T08:00:00Z", "errors_24h": 0
        })),
        (status = 404, description = "The sync is off", body = ErrorBody),
    ),
)]
pub(crate) async fn vector_sync_status(
    State(state): State<ApiState>,
) -> Result<Json<VectorSyncStatus>, ApiError> {
    let cache = state.parts().sync_status.as_ref().ok_or_else(|| {
        ApiError::new(StatusCode::NOT_FOUND, "Vector sync is disabled on this server")
            .with_message("Set VECTOR_SYNC_ENABLED=true to switch it on.")
    })?;
    let status = cache
        .status(None)
        .await
        .map_err(|error| ApiError::unavailable("The database is not available", error))?;
    Ok(Json(VectorSyncStatus::from(&*status)))
}

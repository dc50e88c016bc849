//! `GET /api/v1/vector-sync/status`: progress of the sync, over all users. Public, so it holds numbers only.

use crate::api::{ApiError, ApiState};
use crate::sync::{PhaseProgress, SyncStatus};
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
pub(crate) struct VectorSyncStatus {
    status: String,
    indexed_documents: i64,
    indexed_chunks: i64,
    /// Older name of `indexed_chunks`.
    indexed_count: i64,
    hybrid_chunks: i64,
    estimated_vector_bytes: i64,
    pending_documents: i64,
    ingest_queue: &'static str,
    keyword: PhaseProgress,
    dense: PhaseProgress,
    documents_per_second: f64,
    skipped: BTreeMap<String, i64>,
    dead_letters: i64,
    last_sync_time: Option<DateTime<Utc>>,
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

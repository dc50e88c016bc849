//! `nc_get_vector_sync_status`.

use super::backend;
use crate::mcp::error::ToolError;
use crate::mcp::tool::{Answered, Effect, NoArguments, ToolContext, ToolEntry};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Serialize, JsonSchema)]
struct VectorSyncStatus {
    #[serde(flatten)]
    answered: Answered,
    indexed_documents: i64,
    indexed_chunks: i64,
    /// Older name of `indexed_chunks`.
    indexed_count: i64,
    pending_count: i64,
    status: String,
    enabled: bool,
    ingest_queue: Option<String>,
    hybrid_chunks: i64,
    estimated_vector_bytes: i64,
    skipped: BTreeMap<String, i64>,
    dead_letters: i64,
    eta_seconds: Option<f64>,
    last_sync_time: Option<String>,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_get_vector_sync_status",
        "Search index status",
        "How far the user's documents are indexed for search: done, waiting, skipped.",
        Effect::Reads,
        run,
    )
}

async fn run(context: ToolContext, _: NoArguments) -> Result<VectorSyncStatus, ToolError> {
    let sync = backend(&context)?
        .status
        .status(Some(context.caller.principal().user()))
        .await?;
    Ok(VectorSyncStatus {
        answered: context.answered(),
        indexed_documents: sync.indexed_documents,
        indexed_chunks: sync.indexed_chunks,
        indexed_count: sync.indexed_chunks,
        pending_count: sync.pending_documents,
        status: sync.status.clone(),
        enabled: true,
        ingest_queue: Some("postgres".into()),
        hybrid_chunks: sync.hybrid_chunks,
        estimated_vector_bytes: sync.estimated_vector_bytes,
        skipped: sync.skipped.iter().cloned().collect(),
        dead_letters: sync.dead_letter_count,
        eta_seconds: sync.keyword.eta_seconds,
        last_sync_time: sync
            .last_sync_time
            .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)),
    })
}

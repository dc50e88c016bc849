//! `nc_get_vector_sync_status`.

use super::backend;
use crate::auth::scopes::Scope;
use crate::mcp::error::ToolError;
use crate::mcp::tool::{Answered, Effect, NoArguments, ToolContext, ToolEntry};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Dead letters listed in one answer.
const SHOWN_DEAD_LETTERS: i64 = 20;

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
    /// Documents that were given up after repeated failures.
    dead_letters: i64,
    /// The latest of them, with the reason. A changed document gets a new chance.
    dead_letter_documents: Vec<GivenUp>,
    eta_seconds: Option<f64>,
    last_sync_time: Option<String>,
    /// Files, calendars, contacts …: whether each could be read lately.
    sources: Vec<SourceState>,
}

/// How the last look at a source of documents went.
#[derive(Debug, Serialize, JsonSchema)]
struct SourceState {
    source: String,
    /// `ok`, `waiting`, `failing`, or `not_available` when its app is not installed.
    state: String,
    last_sync_time: Option<String>,
}

/// A document that was given up.
#[derive(Debug, Serialize, JsonSchema)]
struct GivenUp {
    doc_type: String,
    id: String,
    path: String,
    reason: String,
    attempts: i32,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_get_vector_sync_status",
        "Search index status",
        "How far the user's documents are indexed for search: done, waiting, skipped.",
        Effect::Reads,
        Scope::SEMANTIC_READ,
        run,
    )
}

async fn run(context: ToolContext, _: NoArguments) -> Result<VectorSyncStatus, ToolError> {
    let status = &backend(&context)?.status;
    let user = context.caller.principal().user();
    let sync = status.status(Some(user)).await?;
    let given_up = if sync.dead_letter_count > 0 {
        status.dead_letters(user, SHOWN_DEAD_LETTERS).await?
    } else {
        Vec::new()
    };
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
        dead_letter_documents: given_up
            .into_iter()
            .map(|letter| GivenUp {
                doc_type: letter.doc_type,
                id: letter.id,
                path: letter.path,
                reason: letter.reason,
                attempts: letter.attempts,
            })
            .collect(),
        eta_seconds: sync.keyword.eta_seconds,
        last_sync_time: sync.last_sync_time.map(time),
        sources: sync
            .sources
            .iter()
            .map(|source| SourceState {
                source: source.source.clone(),
                state: source.state().to_owned(),
                last_sync_time: source.last_completed.map(time),
            })
            .collect(),
    })
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

//! `search`.

use crate::auth::scopes::Scope;
use crate::mcp::error::ToolError;
use crate::mcp::semantic::backend;
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};
use crate::search::{Granularity, SearchRequest};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Documents returned.
const LIMIT: usize = 20;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to look for. Understands "exact phrases", type:note, in:folder, after:2024-01-31 and before:2024-12.
    query: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Found {
    /// For `fetch`.
    id: String,
    title: String,
    url: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Results {
    results: Vec<Found>,
    /// Why results may be missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<String>,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "search",
        "Search",
        "Search the user's Nextcloud documents. Returns ids for `fetch`.",
        Effect::Reads,
        Scope::SEMANTIC_READ,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<Results, ToolError> {
    let request = SearchRequest {
        query: arguments.query,
        granularity: Granularity::Document,
        limit: LIMIT,
        ..SearchRequest::default()
    };
    let response = backend(&context)?.search.search(&context.caller, request).await?;
    let found = |hit: crate::search::SearchHit| Found {
        id: format!("{}:{}", hit.doc_type, hit.id),
        title: hit.title,
        url: hit.url,
    };
    Ok(Results {
        results: response.hits.into_iter().map(found).collect(),
        degraded: response.degraded,
    })
}

//! Tools over the search index, one file each.

mod search;
mod sync_status;
mod time_argument;

use super::error::ToolError;
use super::server::SemanticBackend;
use super::tool::{ToolContext, ToolEntry};

/// The tools in the order of their listing.
pub(super) fn tools() -> Vec<ToolEntry> {
    vec![search::tool(), sync_status::tool()]
}

/// Search and sync; these tools are not listed without them.
pub(super) fn backend(context: &ToolContext) -> Result<&SemanticBackend, ToolError> {
    context.services.semantic.as_ref().ok_or_else(|| {
        ToolError::Told("semantic search needs VECTOR_SYNC_ENABLED=true on the server.".into())
    })
}

//! The pair `search` and `fetch` that connectors of chat applications look for.

mod fetch;
mod search;

use super::tool::ToolEntry;

/// The tools in the order of their listing.
pub(super) fn tools() -> Vec<ToolEntry> {
    vec![search::tool(), fetch::tool()]
}

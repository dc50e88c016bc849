//! `fetch`.

use crate::auth::scopes::Scope;
use crate::mcp::error::ToolError;
use crate::mcp::semantic::backend;
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest id, in bytes: an event is named by its owner, its calendar and its own name, percent-encoded.
const MAX_ID: usize = 2_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// An id from `search`, such as `note:12`.
    id: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Metadata {
    doc_type: String,
    path: String,
    mime_type: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Document {
    id: String,
    title: String,
    text: String,
    url: String,
    metadata: Metadata,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "fetch",
        "Fetch document",
        "The whole text of a document that `search` found.",
        Effect::Reads,
        Scope::SEMANTIC_READ,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<Document, ToolError> {
    let (doc_type, native_id) = split(&arguments.id)?;
    let document = backend(&context)?
        .search
        .document(&context.caller, doc_type, native_id)
        .await?;
    let document = document.ok_or_else(|| {
        ToolError::Told(format!(
            "there is no document \"{doc_type}:{native_id}\". Use an id that `search` returned."
        ))
    })?;
    Ok(Document {
        id: format!("{doc_type}:{native_id}"),
        title: document.title,
        text: document.text,
        url: document.url,
        metadata: Metadata {
            doc_type: doc_type.to_owned(),
            path: document.path,
            mime_type: document.mime_type,
        },
    })
}

fn split(id: &str) -> Result<(&str, &str), ToolError> {
    id.split_once(':')
        .filter(|(doc_type, native_id)| !doc_type.is_empty() && !native_id.is_empty() && id.len() <= MAX_ID)
        .ok_or_else(|| {
            ToolError::Arguments("argument `id` must be an id from `search`, such as note:12".into())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_name_type_and_document() {
        assert_eq!(split("note:12").unwrap(), ("note", "12"));
        for wrong in ["12", ":12", "note:", ""] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ids_of_events_are_long() {
        let id = |length: usize| format!("calendar:alice/personal/{}", "a".repeat(length));
        assert!(split(&id(1_900)).is_ok());
        assert!(split(&id(2_000)).is_err());
    }
}

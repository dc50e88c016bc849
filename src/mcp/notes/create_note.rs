//! `nc_notes_create_note`.

use super::model::ChangedNote;
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Title; also the file name.
    title: String,
    /// Markdown.
    content: String,
    /// Folder below the notes folder, such as `Work/Ideas`; empty for none.
    category: String,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_notes_create_note",
        "Create note",
        "Create a new note.",
        Effect::Changes,
        Scope::NOTES_WRITE,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<ChangedNote, ToolError> {
    let note = context
        .nextcloud()
        .await?
        .create_note(&arguments.title, &arguments.content, &arguments.category)
        .await
        .about(arguments.title.as_str())?;
    Ok(ChangedNote::new(
        context.answered(),
        note,
        &context.services.links,
    ))
}

//! `nc_notes_update_note`.

use super::model::{ChangedNote, subject};
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};
use crate::nextcloud::NoteChanges;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id of the note.
    note_id: i64,
    /// The etag of the version that was read; the call fails if the note has changed since.
    etag: String,
    /// New title; leave out to keep it.
    title: Option<String>,
    /// New Markdown content, replacing all of it; leave out to keep it.
    content: Option<String>,
    /// New category; leave out to keep it.
    category: Option<String>,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_notes_update_note",
        "Update note",
        "Change title, content or category of a note. Read it first with nc_notes_get_note and pass its etag. \
         To add text at the end use nc_notes_append_content.",
        Effect::Changes,
        Scope::NOTES_WRITE,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<ChangedNote, ToolError> {
    let changes = NoteChanges {
        title: arguments.title,
        content: arguments.content,
        category: arguments.category,
    };
    if changes == NoteChanges::default() {
        return Err(ToolError::Arguments(
            "pass at least one of title, content, category".into(),
        ));
    }
    let etag = arguments.etag.trim().trim_matches('"');
    if etag.is_empty() {
        return Err(ToolError::Arguments("argument `etag` must not be empty".into()));
    }
    let id = arguments.note_id;
    let note = context
        .nextcloud()
        .await?
        .update_note(id, etag, &changes)
        .await
        .about(subject(id))?;
    Ok(ChangedNote::new(
        context.answered(),
        note,
        &context.services.links,
    ))
}

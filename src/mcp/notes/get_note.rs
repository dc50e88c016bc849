//! `nc_notes_get_note`.

use super::model::{NoteId, NoteView, subject};
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_notes_get_note",
        "Read note",
        "Read a note with its content and the etag needed to change it.",
        Effect::Reads,
        Scope::NOTES_READ,
        run,
    )
}

async fn run(context: ToolContext, NoteId { note_id }: NoteId) -> Result<NoteView, ToolError> {
    let note = context
        .nextcloud()
        .await?
        .note(note_id)
        .await
        .about(subject(note_id))?;
    Ok(NoteView::new(note, &context.services.links))
}

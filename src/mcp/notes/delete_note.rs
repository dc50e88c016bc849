//! `nc_notes_delete_note`.

use super::model::{NoteId, subject};
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Answered, Effect, ToolContext, ToolEntry};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Serialize, JsonSchema)]
struct DeletedNote {
    #[serde(flatten)]
    answered: Answered,
    status_code: Option<u16>,
    message: Option<String>,
    deleted_id: i64,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_notes_delete_note",
        "Delete note",
        "Delete a note; it goes to Nextcloud's trash bin. Ask the user before deleting.",
        Effect::Destroys,
        Scope::NOTES_WRITE,
        run,
    )
}

async fn run(context: ToolContext, NoteId { note_id }: NoteId) -> Result<DeletedNote, ToolError> {
    context
        .nextcloud()
        .await?
        .delete_note(note_id)
        .await
        .about(subject(note_id))?;
    Ok(DeletedNote {
        answered: context.answered(),
        status_code: Some(200),
        message: Some(format!("Note {note_id} deleted")),
        deleted_id: note_id,
    })
}

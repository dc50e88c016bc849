//! `nc_notes_append_content`.

use super::model::{ChangedNote, subject};
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};
use crate::nextcloud::{NextcloudError, NoteChanges};
use schemars::JsonSchema;
use serde::Deserialize;

/// Between the old content and the addition.
const SEPARATOR: &str = "\n---\n";
/// Further tries after someone else changed the note in between.
const RETRIES: usize = 3;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id of the note.
    note_id: i64,
    /// Markdown to add at the end.
    content: String,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_notes_append_content",
        "Append to note",
        "Add text at the end of a note, after a separator line. Needs no etag.",
        Effect::Changes,
        Scope::NOTES_WRITE,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<ChangedNote, ToolError> {
    let id = arguments.note_id;
    let nextcloud = context.nextcloud().await?;
    let mut retries = RETRIES;
    loop {
        let note = nextcloud.note(id).await.about(subject(id))?;
        let whole = joined(&note.content, &arguments.content);
        let changes = NoteChanges {
            content: Some(whole),
            ..NoteChanges::default()
        };
        match nextcloud.update_note(id, &note.etag, &changes).await {
            Err(NextcloudError::PreconditionFailed { .. }) if retries > 0 => retries -= 1,
            answer => {
                let note = answer.about(subject(id))?;
                return Ok(ChangedNote::new(
                    context.answered(),
                    note,
                    &context.services.links,
                ));
            }
        }
    }
}

fn joined(old: &str, addition: &str) -> String {
    if old.is_empty() {
        addition.to_owned()
    } else {
        format!("{old}{SEPARATOR}{addition}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_addition_stands_after_a_separator_unless_it_is_the_first() {
        assert_eq!(joined("old", "new"), "old\n---\nnew");
        assert_eq!(joined("", "new"), "new");
    }
}

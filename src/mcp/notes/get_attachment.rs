//! `nc_notes_get_attachment`.

use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes of the largest attachment.
const MAX_BYTES: u64 = 10_000_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Id of the note.
    note_id: i64,
    /// The attachment as the note's Markdown links it, such as `.attachments.12/photo.png`.
    attachment_filename: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Attachment {
    uri: String,
    #[serde(rename = "mimeType")]
    mime_type: String,
    /// Base64.
    data: String,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_notes_get_attachment",
        "Read note attachment",
        "Read a file attached to a note, as base64; up to 10 MB.",
        Effect::Reads,
        Scope::NOTES_READ,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<Attachment, ToolError> {
    let Arguments {
        note_id,
        attachment_filename,
    } = arguments;
    let download = context
        .nextcloud()
        .await?
        .note_attachment(note_id, &attachment_filename, MAX_BYTES)
        .await
        .about(attachment_filename.as_str())?;
    Ok(Attachment {
        uri: format!("nc://Notes/{note_id}/attachments/{attachment_filename}"),
        mime_type: download
            .content_type
            .unwrap_or_else(|| "application/octet-stream".into()),
        data: STANDARD.encode(&download.bytes),
    })
}

//! Shapes that several notes tools share.

use crate::mcp::Links;
use crate::mcp::tool::Answered;
use crate::nextcloud::Note;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A note as its reader sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::mcp) struct NoteView {
    id: i64,
    title: String,
    content: String,
    category: String,
    /// Unix seconds.
    modified: i64,
    favorite: bool,
    etag: String,
    readonly: bool,
    url: Option<String>,
}

impl NoteView {
    /// `note` with its link.
    pub(in crate::mcp) fn new(note: Note, links: &Links) -> Self {
        Self {
            id: note.id,
            url: Some(links.note(note.id)),
            title: note.title,
            content: note.content,
            category: note.category,
            modified: note.modified,
            favorite: note.favorite,
            etag: note.etag,
            readonly: note.readonly,
        }
    }
}

/// The state of a note after a change; `etag` guards the next one.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChangedNote {
    #[serde(flatten)]
    answered: Answered,
    id: i64,
    title: String,
    category: String,
    etag: String,
    url: Option<String>,
}

impl ChangedNote {
    pub(super) fn new(answered: Answered, note: Note, links: &Links) -> Self {
        let url = Some(links.note(note.id));
        Self {
            answered,
            id: note.id,
            title: note.title,
            category: note.category,
            etag: note.etag,
            url,
        }
    }
}

/// Arguments of the tools that take a note's id only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoteId {
    /// Id of the note.
    pub(super) note_id: i64,
}

/// How an error names a note.
pub(super) fn subject(id: i64) -> String {
    format!("note {id}")
}

//! Notes API v1 (facts §6). A note's id is its file id; its ETag is not the file's.

use super::{Download, NextcloudError, UserSession};
use serde::{Deserialize, Serialize};

/// A note.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Note {
    /// File id.
    pub id: i64,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// Markdown; empty when excluded from a listing.
    #[serde(default)]
    pub content: String,
    /// Folder below the notes path; empty at its root.
    #[serde(default)]
    pub category: String,
    /// Last change, Unix seconds.
    #[serde(default)]
    pub modified: i64,
    /// Starred.
    #[serde(default)]
    pub favorite: bool,
    /// Version for `If-Match`.
    #[serde(default)]
    pub etag: String,
    /// May not be changed by this user.
    #[serde(default)]
    pub readonly: bool,
    /// DAV path below the user's root.
    #[serde(default, rename = "internalPath")]
    pub internal_path: Option<String>,
}

/// What to change in a note; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NoteChanges {
    /// New title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// New content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// New category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
}

/// Settings of the Notes app for one user.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NoteSettings {
    /// Folder of the notes below the user's root, such as `Notes`.
    #[serde(rename = "notesPath")]
    pub notes_path: String,
}

/// One chunk of a listing.
#[derive(Debug, Clone, PartialEq)]
pub struct NotesPage {
    /// Notes of this chunk.
    pub notes: Vec<Note>,
    /// Cursor of the next chunk; absent on the last.
    pub next: Option<String>,
}

impl UserSession {
    /// `GET /notes?chunkSize=…&chunkCursor=…`: notes with content (or without), `chunk_size` at a time.
    pub async fn notes_page(
        &self,
        chunk_size: u32,
        cursor: Option<&str>,
        with_content: bool,
    ) -> Result<NotesPage, NextcloudError> {
        let _ = (chunk_size, cursor, with_content);
        todo!()
    }

    /// `GET /notes/{id}`.
    pub async fn note(&self, id: i64) -> Result<Note, NextcloudError> {
        let _ = id;
        todo!()
    }

    /// `POST /notes`.
    pub async fn create_note(
        &self,
        title: &str,
        content: &str,
        category: &str,
    ) -> Result<Note, NextcloudError> {
        let _ = (title, content, category);
        todo!()
    }

    /// `PUT /notes/{id}` with `If-Match: "etag"`; stale → [`NextcloudError::PreconditionFailed`].
    pub async fn update_note(
        &self,
        id: i64,
        etag: &str,
        changes: &NoteChanges,
    ) -> Result<Note, NextcloudError> {
        let _ = (id, etag, changes);
        todo!()
    }

    /// `DELETE /notes/{id}`.
    pub async fn delete_note(&self, id: i64) -> Result<(), NextcloudError> {
        let _ = id;
        todo!()
    }

    /// `GET /settings`; [`NextcloudError::NotFound`] when the Notes app is away.
    pub async fn note_settings(&self) -> Result<NoteSettings, NextcloudError> {
        todo!()
    }

    /// `GET /attachment/{id}?path=…`, at most `limit` bytes.
    pub async fn note_attachment(&self, id: i64, path: &str, limit: u64) -> Result<Download, NextcloudError> {
        let _ = (id, path, limit);
        todo!()
    }
}

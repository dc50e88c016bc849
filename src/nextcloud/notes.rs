//! Notes API v1 (facts §6). A note's id is its file id; its `ETag` is not the file's.

use super::dav::read_download;
use super::http::{Call, bare_etag};
use super::{Download, NextcloudError, UserSession};
use reqwest::Method;
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
    /// Version for `If-Match`; empty for a note that the app could not read, see [`UserSession::notes_page`].
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
    /// Cursor of the next chunk (`X-Notes-Chunk-Cursor`); absent on the last.
    pub next: Option<String>,
}

/// Where the API is.
const BASE: &str = "/index.php/apps/notes/api/v1";

/// A note as it is listed, which may be less than a note.
#[derive(Debug, Deserialize)]
struct Listed {
    #[serde(flatten)]
    note: Note,
    /// The app could not read the file.
    #[serde(default)]
    error: bool,
}

impl Listed {
    /// `{"id":n}` and nothing else: the last chunk repeats the notes of the chunks before it in this way.
    fn is_stub(&self) -> bool {
        self.note.etag.is_empty() && self.note.title.is_empty() && self.note.internal_path.is_none()
    }

    /// A note with an error has a message for people in place of its content: that must not become the note's
    /// text, nor its version one that counts as seen.
    fn into_note(self) -> Note {
        if self.error {
            Note {
                content: String::new(),
                etag: String::new(),
                ..self.note
            }
        } else {
            self.note
        }
    }
}

#[derive(Debug, Serialize)]
struct NewNote<'a> {
    title: &'a str,
    content: &'a str,
    category: &'a str,
}

impl UserSession {
    /// `GET /notes?chunkSize=…&chunkCursor=…`: notes with content (or without), `chunk_size` at a time.
    ///
    /// The stubs with which the last chunk repeats the notes of earlier chunks are left out, so that the notes of
    /// all chunks together are the listing. A note that the app could not read comes with an empty `ETag` and no
    /// content.
    pub async fn notes_page(
        &self,
        chunk_size: u32,
        cursor: Option<&str>,
        with_content: bool,
    ) -> Result<NotesPage, NextcloudError> {
        let answer = self
            .send(json_call(
                Method::GET,
                &page_path(chunk_size, cursor, with_content),
            )?)
            .await?;
        let next = answer
            .header("x-notes-chunk-cursor")
            .filter(|next| !next.is_empty())
            .map(str::to_owned);
        if next.is_some() && next.as_deref() == cursor {
            return Err(NextcloudError::Malformed(
                "the listing of notes does not advance".to_owned(),
            ));
        }
        let listed: Vec<Listed> = answer.json().await?;
        let notes = listed
            .into_iter()
            .filter(|listed| !listed.is_stub())
            .map(Listed::into_note)
            .collect();
        Ok(NotesPage { notes, next })
    }

    /// `GET /notes/{id}`. A note that the app cannot read is [`NextcloudError::Malformed`].
    pub async fn note(&self, id: i64) -> Result<Note, NextcloudError> {
        self.one_note(json_call(Method::GET, &format!("/notes/{id}"))?)
            .await
    }

    /// `POST /notes`.
    pub async fn create_note(
        &self,
        title: &str,
        content: &str,
        category: &str,
    ) -> Result<Note, NextcloudError> {
        let body = to_json(&NewNote {
            title,
            content,
            category,
        })?;
        self.one_note(
            json_call(Method::POST, "/notes")?
                .header("content-type", "application/json")?
                .body(body),
        )
        .await
    }

    /// `PUT /notes/{id}` with `If-Match: "etag"`; stale → [`NextcloudError::PreconditionFailed`], with the note as it
    /// is now.
    pub async fn update_note(
        &self,
        id: i64,
        etag: &str,
        changes: &NoteChanges,
    ) -> Result<Note, NextcloudError> {
        let call = json_call(Method::PUT, &format!("/notes/{id}"))?
            .header("content-type", "application/json")?
            // Without the quotes every ETag is stale (facts §6).
            .header("if-match", &format!("\"{}\"", bare_etag(etag)))?
            .body(to_json(changes)?);
        self.one_note(call).await
    }

    /// `DELETE /notes/{id}`.
    pub async fn delete_note(&self, id: i64) -> Result<(), NextcloudError> {
        // The body is an empty list; a page of something else is no deletion.
        let _empty: Vec<serde_json::Value> = self
            .send(json_call(Method::DELETE, &format!("/notes/{id}"))?)
            .await?
            .json()
            .await?;
        Ok(())
    }

    /// `GET /settings`; [`NextcloudError::NotFound`] when the Notes app is away.
    pub async fn note_settings(&self) -> Result<NoteSettings, NextcloudError> {
        self.send(json_call(Method::GET, "/settings")?)
            .await?
            .json()
            .await
    }

    /// `GET /attachment/{id}?path=…`, at most `limit` bytes. A missing one is [`NextcloudError::Rejected`] with
    /// status 400 (facts §6).
    pub async fn note_attachment(&self, id: i64, path: &str, limit: u64) -> Result<Download, NextcloudError> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("path", path)
            .finish();
        let answer = self
            .send(Call::get(format!("{BASE}/attachment/{id}?{query}")))
            .await?;
        read_download(answer, limit).await
    }

    async fn one_note(&self, call: Call) -> Result<Note, NextcloudError> {
        let listed: Listed = self.send(call).await?.json().await?;
        if listed.error || listed.is_stub() {
            return Err(NextcloudError::Malformed(
                "the Notes app cannot read this note".to_owned(),
            ));
        }
        Ok(listed.note)
    }
}

fn json_call(method: Method, path: &str) -> Result<Call, NextcloudError> {
    Call::new(method, format!("{BASE}{path}")).header("accept", "application/json")
}

fn to_json(body: &impl Serialize) -> Result<Vec<u8>, NextcloudError> {
    serde_json::to_vec(body).map_err(|error| NextcloudError::Rejected {
        status: 400,
        message: format!("not JSON: {error}"),
    })
}

/// Path and query of one chunk of the listing.
fn page_path(chunk_size: u32, cursor: Option<&str>, with_content: bool) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("chunkSize", &chunk_size.max(1).to_string());
    if !with_content {
        query.append_pair("exclude", "content");
    }
    if let Some(cursor) = cursor {
        query.append_pair("chunkCursor", cursor);
    }
    format!("/notes?{}", query.finish())
}

//! Plays one recorded answer to the operation that it belongs to, and puts the typed result into one line.

use crate::server::{Reply, Request, Server, basic};
use base64::Engine as _;
use nextcloud_mcp_server::clock::ManualClock;
use nextcloud_mcp_server::nextcloud::{
    DavEntry, Depth, FileQuery, NextcloudError, Note, NoteChanges, Precondition, UserSession,
};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::path::Path;

/// A recorded exchange.
pub struct Recording {
    method: String,
    path: String,
    request: Value,
    response: Value,
}

impl Recording {
    pub fn load(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        Self {
            method: json["request"]["method"].as_str().unwrap().to_owned(),
            path: json["request"]["path"].as_str().unwrap().to_owned(),
            request: json["request"].clone(),
            response: json["response"].clone(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.request["headers"][name].as_str()
    }

    fn reply(&self) -> Reply {
        let status = u16::try_from(self.response["status"].as_u64().unwrap()).unwrap();
        let body = self.response["body"].as_str().unwrap_or_default();
        let body = match body.strip_prefix("base64:") {
            Some(encoded) => base64::engine::general_purpose::STANDARD.decode(encoded).unwrap(),
            None => body.as_bytes().to_vec(),
        };
        let mut reply = Reply::new(status, body);
        for (name, value) in self.response["headers"].as_object().unwrap() {
            if ["content-length", "transfer-encoding", "connection"].contains(&name.to_lowercase().as_str()) {
                continue;
            }
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            for value in values {
                reply = reply.with(name, value.as_str().unwrap());
            }
        }
        reply
    }

    /// Which operation of the client sends such a request; `None` when none does.
    pub fn operation(&self) -> Option<Operation> {
        let path = self.path.split('?').next().unwrap();
        let method = self.method.as_str();
        let notes = path.strip_prefix("/index.php/apps/notes/api/v1/");
        let deck = path.strip_prefix("/index.php/apps/deck/api/v1.0/");
        let tables = path.strip_prefix("/index.php/apps/tables/api/1/");
        if let (true, Some(rest)) = (method == "GET", deck.or(tables)) {
            return of_app(rest);
        }
        if let Some(rest) = path.strip_prefix("/remote.php/dav/files/") {
            let (user, below) = rest.split_once('/').unwrap_or((rest, ""));
            let files = Files {
                user: user.to_owned(),
                path: decode(&format!("/{below}")),
            };
            return Some(match method {
                "PROPFIND" => Operation::Propfind(files),
                "GET" => Operation::Download(files),
                "PUT" => Operation::Upload(files),
                "MKCOL" => Operation::Mkcol(files),
                "DELETE" => Operation::Delete(files),
                "MOVE" => Operation::Move(files),
                "COPY" => Operation::Copy(files),
                "REPORT" => Operation::Tagged(self.filtered_tag()?),
                _ => return None,
            });
        }
        Some(match (method, path, notes) {
            ("SEARCH", "/remote.php/dav/", _) => Operation::Search,
            ("PROPFIND", "/remote.php/dav/systemtags/", _) => Operation::SystemTags,
            ("GET", "/ocs/v2.php/cloud/user", _) => Operation::CurrentUser,
            ("GET", "/ocs/v2.php/cloud/capabilities", _) => Operation::Capabilities,
            ("GET", "/status.php", _) => Operation::Status,
            ("GET", _, Some("notes")) => Operation::NotesPage,
            ("POST", _, Some("notes")) => Operation::CreateNote,
            ("GET", _, Some("settings")) => Operation::NoteSettings,
            ("GET", _, Some(rest)) if rest.starts_with("attachment/") => Operation::Attachment,
            (_, _, Some(rest)) => {
                let id = rest.strip_prefix("notes/")?.parse().ok()?;
                match method {
                    "GET" => Operation::Note(id),
                    "PUT" => Operation::UpdateNote(id),
                    "DELETE" => Operation::DeleteNote(id),
                    _ => return None,
                }
            }
            _ => return None,
        })
    }

    /// The tag that a recorded REPORT asked for.
    fn filtered_tag(&self) -> Option<i64> {
        let body = self.request["body"].as_str()?;
        let (_, rest) = body.split_once("<oc:systemtag>")?;
        rest.split('<').next()?.parse().ok()
    }

    /// A session of alice's that gets this answer to its first request, and the server that gives it.
    pub async fn served(&self) -> (Server, UserSession) {
        let server = Server::start(vec![self.reply()]).await;
        let clock = ManualClock::at("2026-11-23T05:00:00Z".parse().unwrap());
        let session = server.session(clock, "alice");
        (server, session)
    }

    /// Method and path of the recorded request.
    pub fn asked(&self) -> (&str, &str) {
        (&self.method, &self.path)
    }

    /// Serves the answer and runs the operation: the result as a line, and what the client sent.
    pub async fn play(&self, operation: &Operation) -> (String, Request) {
        let server = Server::start(vec![self.reply()]).await;
        let clock = ManualClock::at("2026-11-23T05:00:00Z".parse().unwrap());
        let user = operation.files().map_or("alice", |files| files.user.as_str());
        let session = server.session(clock, user);
        let line = self
            .run(operation, &session)
            .await
            .unwrap_or_else(|error| format!("{error:?}"));
        let requests = server.requests();
        assert_eq!(requests.len(), 1, "one answer, one request: {line}");
        (line, requests[0].clone())
    }

    async fn run(&self, operation: &Operation, session: &UserSession) -> Result<String, NextcloudError> {
        let nextcloud = session.nextcloud();
        Ok(match operation {
            Operation::CurrentUser => {
                let user = nextcloud.current_user(&basic()).await?;
                format!(
                    "user {} ({}) in {:?}",
                    user.id(),
                    user.display_name(),
                    user.groups()
                )
            }
            Operation::Capabilities => {
                let data = session.capabilities().await?;
                format!("capabilities of {}", data["version"]["string"])
            }
            Operation::Status => {
                let status = nextcloud.status().await?;
                format!("{} maintenance={}", status.version, status.maintenance)
            }
            Operation::Propfind(files) => {
                let depth = match self.header("Depth") {
                    Some("0") => Depth::Zero,
                    Some("infinity") => Depth::Infinity,
                    _ => Depth::One,
                };
                entries(&session.propfind(&files.path, depth).await?)
            }
            Operation::Search => {
                let query = FileQuery {
                    limit: 50,
                    ..FileQuery::default()
                };
                entries(&session.search_files(&query).await?)
            }
            Operation::Download(files) => {
                let got = session.download(&files.path, 1_000_000).await?;
                let text = String::from_utf8_lossy(&got.bytes).into_owned();
                format!(
                    "{text:?} {:?} {:?}",
                    got.content_type.unwrap_or_default(),
                    got.etag.unwrap_or_default()
                )
            }
            Operation::Upload(files) => {
                let body = self.request["body"].as_str().unwrap_or_default().to_owned();
                let precondition = match (self.header("If-Match"), self.header("If-None-Match")) {
                    (Some(etag), _) => Precondition::Matches(etag.to_owned()),
                    (_, Some(_)) => Precondition::Absent,
                    _ => Precondition::Any,
                };
                let done = session
                    .upload(&files.path, body.into(), None, &precondition)
                    .await?;
                format!("created={} {:?}", done.created, done.etag.unwrap_or_default())
            }
            Operation::Mkcol(files) => format!("created={}", session.create_folder(&files.path).await?),
            Operation::Delete(files) => session.delete(&files.path).await.map(|()| "deleted".to_owned())?,
            Operation::Move(files) | Operation::Copy(files) => {
                let destination = decode(self.header("Destination").unwrap());
                let (_, to) = destination
                    .split_once(&format!("/files/{}/", files.user))
                    .unwrap();
                let overwrite = self.header("Overwrite") != Some("F");
                let replaced = if matches!(operation, Operation::Move(_)) {
                    session.move_to(&files.path, to, overwrite, None).await?
                } else {
                    session.copy_to(&files.path, to, overwrite, None).await?
                };
                format!("replaced={replaced}")
            }
            Operation::NotesPage => {
                let page = session
                    .notes_page(2, None, !self.path.contains("exclude"))
                    .await?;
                let notes: Vec<_> = page
                    .notes
                    .iter()
                    .map(|note| (note.id, note.content.len()))
                    .collect();
                format!("{notes:?} next={:?}", page.next.unwrap_or_default())
            }
            Operation::Note(id) => note(&session.note(*id).await?),
            Operation::CreateNote => note(&session.create_note("t", "c", "").await?),
            Operation::UpdateNote(id) => note(
                &session
                    .update_note(*id, "daaf054e4d2cd562632c8f34e6bad2ee", &NoteChanges::default())
                    .await?,
            ),
            Operation::DeleteNote(id) => session.delete_note(*id).await.map(|()| "deleted".to_owned())?,
            Operation::NoteSettings => session.note_settings().await?.notes_path,
            Operation::Attachment => format!(
                "{} bytes",
                session.note_attachment(162, "a.png", 99).await?.bytes.len()
            ),
            operation => self.run_app(operation, session).await?,
        })
    }

    /// Whether the client sent what was recorded: the method, the path, and the header that opens CORS routes.
    pub fn check_request(&self, sent: &Request) {
        assert_eq!(sent.method, self.method);
        let path = |text: &str| decode(text.split('?').next().unwrap().trim_end_matches('/'));
        assert_eq!(path(&sent.target), path(&self.path));
        assert_eq!(
            sent.headers.get("ocs-apirequest").map(String::as_str),
            Some("true")
        );
        assert!(!sent.headers.contains_key("cookie"));
        assert!(sent.headers["user-agent"].starts_with("nextcloud-mcp-server/"));
        let authorization = sent.headers.get("authorization").map(String::as_str);
        let expected = (sent.target != "/status.php").then_some("Basic YWxpY2U6YWxpY2UtcGFzcy0x");
        assert_eq!(authorization, expected);
    }
}

/// A path below a user's files.
pub struct Files {
    user: String,
    path: String,
}

/// An operation of the client.
pub enum Operation {
    CurrentUser,
    Capabilities,
    Status,
    Propfind(Files),
    Search,
    Download(Files),
    Upload(Files),
    Mkcol(Files),
    Delete(Files),
    Move(Files),
    Copy(Files),
    NotesPage,
    Note(i64),
    CreateNote,
    UpdateNote(i64),
    DeleteNote(i64),
    NoteSettings,
    Attachment,
    SystemTags,
    Tagged(i64),
    Boards,
    Stacks(i64),
    Tables,
    Columns(i64),
    Rows(i64),
    Row(i64),
}

impl Operation {
    fn files(&self) -> Option<&Files> {
        match self {
            Self::Propfind(files)
            | Self::Download(files)
            | Self::Upload(files)
            | Self::Mkcol(files)
            | Self::Delete(files)
            | Self::Move(files)
            | Self::Copy(files) => Some(files),
            _ => None,
        }
    }
}

/// What the client asks of Deck and Tables.
fn of_app(rest: &str) -> Option<Operation> {
    let parts: Vec<&str> = rest.split('/').collect();
    Some(match parts.as_slice() {
        ["boards"] => Operation::Boards,
        ["boards", board, "stacks"] => Operation::Stacks(board.parse().ok()?),
        ["tables"] => Operation::Tables,
        ["tables", table, "columns"] => Operation::Columns(table.parse().ok()?),
        ["tables", table, "rows"] => Operation::Rows(table.parse().ok()?),
        ["rows", row] => Operation::Row(row.parse().ok()?),
        _ => return None,
    })
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

fn note(note: &Note) -> String {
    format!(
        "note {} {:?} in {:?} {} bytes at {} favorite={} {:?} {}",
        note.id,
        note.title.chars().take(12).collect::<String>(),
        note.category,
        note.content.len(),
        note.modified,
        note.favorite,
        note.internal_path
            .as_deref()
            .unwrap_or_default()
            .chars()
            .take(24)
            .collect::<String>(),
        &note.etag[..6],
    )
}

pub fn entries(entries: &[DavEntry]) -> String {
    let line = |entry: &DavEntry| {
        format!(
            "{}#{}{} {} {}B {} {:?} {} {}{}{}",
            entry.path,
            entry.file_id,
            if entry.is_folder { "/" } else { "" },
            entry.etag,
            entry.size,
            entry.permissions,
            entry.content_type.as_deref().unwrap_or_default(),
            entry
                .last_modified
                .map(|date| date.timestamp())
                .unwrap_or_default(),
            entry.owner.as_deref().unwrap_or_default(),
            entry
                .instance_id
                .as_ref()
                .map(|id| format!(" {id}"))
                .unwrap_or_default(),
            if entry.favorite { " *" } else { "" },
        )
    };
    let mut lines: Vec<String> = entries.iter().take(2).map(line).collect();
    if entries.len() > 3 {
        lines.push("…".to_owned());
    }
    lines.extend(
        entries
            .iter()
            .skip(2.max(entries.len() - 1.min(entries.len())))
            .map(line),
    );
    format!("{} entries: {}", entries.len(), lines.join(" | "))
}

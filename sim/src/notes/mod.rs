//! The Notes app's API v1. A note is a file: same id, found under the user's notes folder.

mod list;
mod view;
mod write;

use serde_json::{Value, json};

use crate::auth::Login;
use crate::http::{Incoming, Reply, etag_listed};
use crate::world::{State, World};

pub(crate) use write::{NewNote, create_note, set_favorite};

/// `X-Notes-API-Versions` of every answer.
const VERSIONS: &str = "0.2, 1.3, 1.4";

/// Answers `/apps/notes/api/` + `rest`, e.g. `v1/notes/162`.
pub(crate) fn answer(world: &World, request: &Incoming, rest: &str, login: &Login) -> Reply {
    let session = match login {
        // The CORS rule: a bearer needs the OCS header (facts §0 row 7).
        Login::Done(session) if !session.bearer || request.has_ocs_header() => session,
        _ => return login_failure(request, login).without_user(),
    };
    let mut parts = rest.trim_end_matches('/').splitn(3, '/').skip(1);
    let (resource, tail) = (parts.next().unwrap_or_default(), parts.next());
    let uid = &session.uid;
    let reply = match (request.method.as_str(), resource, tail) {
        ("GET", "notes", None) => list::list(&world.read(), request, uid),
        ("POST", "notes", None) => write::create(&mut world.write(), request, uid),
        ("GET", "notes", Some(id)) => with_id(id, |id| get(&world.read(), request, uid, id)),
        ("PUT", "notes", Some(id)) => with_id(id, |id| write::update(&mut world.write(), request, uid, id)),
        ("DELETE", "notes", Some(id)) => with_id(id, |id| write::delete(&mut world.write(), uid, id)),
        ("GET", "settings", None) => settings(&world.read(), uid),
        ("PUT", "settings", None) => write::settings(&mut world.write(), request, uid),
        ("GET", "attachment", Some(id)) => with_id(id, |id| attachment(&world.read(), request, uid, id)),
        ("POST", "attachment", Some(_)) => {
            return Reply::new(405, "text/html; charset=UTF-8", "").without_user();
        }
        _ => Reply::json(400, &json!([])),
    };
    reply.with("x-notes-api-versions", VERSIONS)
}

/// The answer to a missing or failed login (facts §1).
pub(crate) fn login_failure(request: &Incoming, login: &Login) -> Reply {
    let message = match login {
        Login::Throttled => {
            return Reply::bare_json(429, &json!({"message": "Reached maximum delay"}));
        }
        Login::WrongPassword => return Reply::bare_json(401, &json!({"message": ""})),
        Login::Disabled(_) => return Reply::bare_json(401, &json!({"message": "Account disabled"})),
        _ if request.has_ocs_header() => "Current user is not logged in",
        _ => "CORS requires basic auth",
    };
    Reply::json(401, &json!({"message": message}))
}

fn with_id(id: &str, answer: impl FnOnce(i64) -> Reply) -> Reply {
    match id.parse() {
        Ok(id) => answer(id),
        Err(_) => Reply::json(400, &json!([])),
    }
}

/// A missing note, and another user's.
fn not_found() -> Reply {
    Reply::json(404, &json!({"errorType": "Exception"}))
}

fn get(state: &State, request: &Incoming, uid: &str, id: i64) -> Reply {
    let Some(note) = view::find(state, uid, id) else {
        return not_found();
    };
    let etag = note.etag();
    if request
        .header("if-none-match")
        .is_some_and(|header| etag_listed(header, &etag))
    {
        return Reply::new(304, "", "")
            .with("cache-control", crate::http::NO_CACHE)
            .with("etag", format!("\"{etag}\""));
    }
    Reply::json(200, &note.describe(&excluded(request))).with("etag", format!("\"{etag}\""))
}

/// The fields that `exclude=content,etag` names.
fn excluded(request: &Incoming) -> Vec<String> {
    request
        .query_value("exclude")
        .map(|names| names.split(',').map(str::to_owned).collect())
        .unwrap_or_default()
}

fn settings(state: &State, uid: &str) -> Reply {
    let settings = state.user(uid).map_or(
        Value::Null,
        |user| json!({"notesPath": user.notes_path, "fileSuffix": user.notes_suffix, "noteMode": "rich"}),
    );
    Reply::json(200, &settings)
}

fn attachment(state: &State, request: &Incoming, uid: &str, id: i64) -> Reply {
    let folder = view::find(state, uid, id).map(|note| note.folder().to_owned());
    let wanted = request.query_value("path").unwrap_or_default();
    let file = folder.and_then(|folder| {
        let path = format!("{folder}/{}", wanted.trim_start_matches('/'));
        state.locate(uid, &path)
    });
    match file.and_then(|file| file.node.bytes().map(|bytes| (file.node.mime(), bytes))) {
        Some((mime, bytes)) => Reply::new(200, mime, bytes.clone()),
        None => Reply::json(400, &json!([])),
    }
}

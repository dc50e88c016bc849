//! System tags: `/remote.php/dav/systemtags/` and `/remote.php/dav/systemtags-relations/files/<id>/<tag>` (facts §7).

use serde_json::Value;

use super::{error, escape};
use crate::auth::Session;
use crate::http::{Incoming, Reply};
use crate::world::{State, World};

/// Answers `/remote.php/dav/systemtags` + `rest`; `None` for what is not about tags.
pub(super) fn answer(world: &World, request: &Incoming, session: &Session) -> Option<Reply> {
    let rest = request.path.strip_prefix("/remote.php/dav/systemtags")?;
    if let Some(relation) = rest.strip_prefix("-relations/files/") {
        let parts: Vec<i64> = relation
            .trim_end_matches('/')
            .split('/')
            .filter_map(|part| part.parse().ok())
            .collect();
        let mut state = world.write();
        return Some(match (request.method.as_str(), parts.as_slice()) {
            ("PUT", [file, tag]) => assign(&mut state, &session.uid, *file, *tag),
            ("DELETE", [file, tag]) => unassign(&mut state, &session.uid, *file, *tag),
            ("PROPFIND", [file]) => tags_of_file(&state, &session.uid, *file),
            _ => error::not_found("This resource is not simulated"),
        });
    }
    let is_list = rest.trim_end_matches('/').is_empty();
    Some(match request.method.as_str() {
        "PROPFIND" if is_list => list(&world.read()),
        "POST" if is_list => create(&mut world.write(), request, &session.uid),
        _ => error::not_found("This resource is not simulated"),
    })
}

fn empty(status: u16) -> Reply {
    Reply::new(status, "text/html; charset=UTF-8", "")
}

fn create(state: &mut State, request: &Incoming, uid: &str) -> Reply {
    let params = request.params();
    let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
    let is_admin = state
        .user(uid)
        .is_some_and(|user| user.groups.iter().any(|group| group == "admin"));
    let open = |field: &str| params.get(field).and_then(Value::as_bool).unwrap_or(true);
    let is_open = open("userVisible") && open("userAssignable");
    if !is_admin && !is_open {
        return error::bad_request("Not sufficient permissions");
    }
    if state.tags.values().any(|tag| tag.name == name) {
        return error::conflict("Tag already exists");
    }
    let id = state.add_tag(name);
    empty(201).with("content-location", format!("/remote.php/dav/systemtags/{id}"))
}

/// Whether the user sees a file of this id.
fn sees(state: &State, uid: &str, file: i64) -> bool {
    let mut seen = false;
    state.walk(uid, "/", None, &mut |_, located| seen |= located.node.id == file);
    seen
}

fn no_file() -> Reply {
    error::not_found("Entity does not exist or is not available")
}

fn assign(state: &mut State, uid: &str, file: i64, tag: i64) -> Reply {
    if !sees(state, uid, file) {
        return no_file();
    }
    match state.tags.get_mut(&tag) {
        None => error::precondition_failed("", &format!("Tag with id {tag} does not exist, cannot assign")),
        Some(tag) => {
            if tag.files.insert(file) {
                empty(201)
            } else {
                error::conflict("PUT is not allowed on non-files.")
            }
        }
    }
}

fn unassign(state: &mut State, uid: &str, file: i64, tag: i64) -> Reply {
    if !sees(state, uid, file) {
        return no_file();
    }
    let removed = state
        .tags
        .get_mut(&tag)
        .is_some_and(|tag| tag.files.remove(&file));
    if removed {
        empty(204)
    } else {
        error::not_found(&format!("Tag with id {tag} not present for object {file}"))
    }
}

const ROOT: &str = "<?xml version=\"1.0\"?>\n<d:multistatus xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\" \
     xmlns:oc=\"http://owncloud.org/ns\" xmlns:nc=\"http://nextcloud.org/ns\">";

/// A list of tags after their collection, which has none of the properties.
fn listed(state: &State, href: &str, more: &[&str], wanted: impl Fn(&i64) -> bool, slash: &str) -> Reply {
    let (mut missing, mut found) = (String::new(), String::new());
    for &name in more {
        missing.extend(["<oc:", name, "/>"]);
        found.extend(["<oc:", name, ">true</oc:", name, ">"]);
    }
    let mut text = format!(
        "{ROOT}<d:response><d:href>{href}</d:href><d:propstat><d:prop><oc:id/><oc:display-name/>{missing}</d:prop>\
         <d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>"
    );
    for (id, tag) in state.tags.iter().filter(|(id, _)| wanted(id)) {
        let response = format!(
            "<d:response><d:href>{href}{id}{slash}</d:href><d:propstat><d:prop><oc:id>{id}</oc:id>\
             <oc:display-name>{}</oc:display-name>{found}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>\
             </d:response>",
            escape(&tag.name)
        );
        text.push_str(&response);
    }
    text.push_str("</d:multistatus>\n");
    let mut reply = Reply::new(207, "application/xml; charset=utf-8", text).with("dav", super::DAV_CLASSES);
    reply.streamed = true;
    reply
}

fn list(state: &State) -> Reply {
    let more = ["user-visible", "user-assignable", "can-assign"];
    listed(state, "/remote.php/dav/systemtags/", &more, |_| true, "/")
}

fn tags_of_file(state: &State, uid: &str, file: i64) -> Reply {
    if !sees(state, uid, file) {
        return no_file();
    }
    let has = |id: &i64| state.tags.get(id).is_some_and(|tag| tag.files.contains(&file));
    listed(
        state,
        &format!("/remote.php/dav/systemtags-relations/files/{file}/"),
        &[],
        has,
        "",
    )
}

//! PUT, MKCOL and DELETE.

use std::collections::BTreeMap;

use super::error::{self, error};
use super::props::full_id;
use super::{ALLOWED, Target};
use crate::http::{Incoming, Reply, etag_listed};
use crate::webhooks::{self, NodeRef};
use crate::world::{Content, State, mime_of, parent_and_name};

/// The type of every bodyless success.
const NO_CONTENT: &str = "text/html; charset=UTF-8";

pub(super) fn put(state: &mut State, request: &Incoming, target: &Target) -> Reply {
    if target.path.ends_with("/.htaccess") {
        let message = format!("Invalid path: files{}", target.path);
        return error(500, "OCP\\Files\\ForbiddenException", &message).without_user();
    }
    let existing = state.locate(&target.uid, &target.path);
    let existing = existing.map(|found| (found.node.id, found.node.etag.clone(), found));
    if existing
        .as_ref()
        .is_some_and(|(.., found)| found.node.is_folder())
    {
        return error::conflict("PUT is not allowed on non-files.");
    }
    let etag = existing.as_ref().map(|(_, etag, _)| etag.as_str());
    if let Some(refusal) = condition_failure(request, etag) {
        return refusal;
    }
    let mtime = request.header("x-oc-mtime").and_then(|value| value.parse().ok());
    let (id, status) = match existing {
        Some((_, _, found)) if !found.can_update() => {
            return error::forbidden("No permission to change this file");
        }
        Some((id, ..)) => {
            state.overwrite(id, request.body.clone(), mtime);
            (id, 204)
        }
        None => match create(state, request, target, mtime) {
            Ok(id) => (id, 201),
            Err(refusal) => return refusal,
        },
    };
    if let Some(node) = state.nodes.get_mut(&id) {
        node.checksum = request.header("oc-checksum").map(str::to_owned);
    }
    let node = NodeRef::of(&target.uid, &target.path, id);
    if status == 201 {
        webhooks::created(state, &target.uid, &node);
    } else {
        webhooks::written(state, &target.uid, &node);
    }
    let reply = Reply::new(status, NO_CONTENT, "");
    let reply = if mtime.is_some() {
        reply.with("x-oc-mtime", "accepted")
    } else {
        reply
    };
    match state.locate(&target.uid, &target.path) {
        Some(found) => reply
            .with("oc-fileid", full_id(id))
            .with("etag", format!("\"{}\"", found.node.etag))
            .with("oc-etag", format!("\"{}\"", found.node.etag))
            .with("x-nc-ownerid", &found.node.owner)
            .with("x-nc-permissions", found.letters()),
        None => reply,
    }
}

fn create(state: &mut State, request: &Incoming, target: &Target, mtime: Option<i64>) -> Result<i64, Reply> {
    let (folder, name) = parent_and_name(&target.path).unwrap_or(("/", ""));
    let parent = match state.locate(&target.uid, folder) {
        Some(found) if !found.can_create() => {
            return Err(error::forbidden("No permission to create files in this folder"));
        }
        Some(found) => found.node.id,
        None => return Err(error::no_such_file(folder)),
    };
    let content = Content::File {
        bytes: request.body.clone(),
        mime: mime_of(name).to_owned(),
    };
    state
        .insert(parent, name, content, mtime)
        .ok_or_else(|| error::conflict("Files can only be created as children of collections"))
}

fn condition_failure(request: &Incoming, etag: Option<&str>) -> Option<Reply> {
    if let Some(header) = request.header("if-match") {
        let matches = etag.is_some_and(|etag| header == "*" || etag_listed(header, etag));
        if !matches {
            let message = if etag.is_some() {
                "An If-Match header was specified, but none of the specified ETags matched."
            } else {
                "An If-Match header was specified and the resource did not exist"
            };
            let refusal = error::precondition_failed("If-Match", message);
            return Some(match etag {
                Some(etag) => refusal.with("etag", format!("\"{etag}\"")),
                None => refusal,
            });
        }
    }
    let header = request.header("if-none-match")?;
    let exists = etag.is_some_and(|etag| header == "*" || etag_listed(header, etag));
    exists.then(|| {
        error::precondition_failed(
            "If-None-Match",
            "An If-None-Match header was specified, but the ETag matched (or * was specified).",
        )
    })
}

pub(super) fn mkcol(state: &mut State, target: &Target) -> Reply {
    if state.locate(&target.uid, &target.path).is_some() {
        return error(
            405,
            "Sabre\\DAV\\Exception\\MethodNotAllowed",
            "The resource you tried to create already exists",
        )
        .with("allow", ALLOWED);
    }
    let (folder, name) = parent_and_name(&target.path).unwrap_or(("/", ""));
    let parent = match state.locate(&target.uid, folder) {
        Some(found) if !found.can_create() => {
            return error::forbidden("No permission to create folders in this folder");
        }
        Some(found) => found.node.id,
        None => return error::conflict("Parent node does not exist"),
    };
    let empty = Content::Folder {
        children: BTreeMap::new(),
    };
    match state.insert(parent, name, empty, None) {
        Some(id) => {
            let node = NodeRef::of(&target.uid, &target.path, id);
            webhooks::created(state, &target.uid, &node);
            Reply::new(201, NO_CONTENT, "").with("oc-fileid", full_id(id))
        }
        None => error::conflict("Parent node is not a collection"),
    }
}

pub(super) fn delete(state: &mut State, target: &Target) -> Reply {
    match state.locate(&target.uid, &target.path) {
        None => return error::no_such_file(&target.path),
        Some(found) if target.path == "/" || !found.can_delete() => {
            return error::forbidden("No permission to delete this resource");
        }
        Some(_) => {}
    }
    state.delete(&target.uid, &target.path);
    Reply::new(204, NO_CONTENT, "")
}

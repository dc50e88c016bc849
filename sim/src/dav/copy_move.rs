//! MOVE and COPY.

use super::error;
use super::props::full_id;
use super::{Target, destination};
use crate::http::{Incoming, Reply};
use crate::webhooks::{self, NodeRef};
use crate::world::{State, parent_and_name};

pub(super) fn transfer(state: &mut State, request: &Incoming, target: &Target) -> Reply {
    let uid = &target.uid;
    let moves = request.method == "MOVE";
    let Some(source) = state.locate(uid, &target.path) else {
        return error::no_such_file(&target.path);
    };
    let Some(to) = destination(request, uid) else {
        return error::bad_request("The destination header was not supplied or leads elsewhere");
    };
    if to == target.path {
        return error::forbidden("Source and destination uri are identical.");
    }
    if to.starts_with(&format!("{}/", target.path)) {
        return error::conflict("The destination may not be part of the same subtree as the source path.");
    }
    if moves && !source.can_delete() {
        return error::forbidden("No permission to move this resource");
    }
    let id = source.node.id;
    let (folder, name) = parent_and_name(&to).unwrap_or(("/", ""));
    let parent = match state.locate(uid, folder) {
        Some(found) if !found.node.is_folder() => {
            return error::conflict("The destination node is not found");
        }
        Some(found) if !found.can_create() => {
            return error::forbidden("No permission to create here");
        }
        Some(found) => found.node.id,
        None => return error::conflict("The destination node is not found"),
    };
    let replaces = state.locate(uid, &to).is_some();
    if replaces && request.header("overwrite") == Some("F") {
        return error::precondition_failed(
            "Overwrite",
            "The destination node already exists, and the overwrite header is set to false",
        );
    }
    if replaces {
        state.delete(uid, &to);
    }
    let status = if replaces { 204 } else { 201 };
    let reply = Reply::new(status, "text/html; charset=UTF-8", "");
    if !moves {
        return match state.copy(id, parent, name) {
            Some(copy) => {
                let (source, copied) = (NodeRef::of(uid, &target.path, id), NodeRef::of(uid, &to, copy));
                webhooks::copied(state, uid, &source, &copied);
                reply.with("oc-fileid", full_id(copy))
            }
            None => error::conflict("The destination node is not found"),
        };
    }
    if !state.rename(uid, &target.path, &to) {
        return error::conflict("The destination node is not found");
    }
    match state.locate(uid, &to) {
        Some(found) => {
            let etag = format!("\"{}\"", state.etag(uid, &to, found));
            reply
                .with("oc-etag", &etag)
                .with("etag", &etag)
                .with("oc-fileid", full_id(found.node.id))
        }
        None => reply,
    }
}

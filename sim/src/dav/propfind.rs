//! PROPFIND.

use super::error;
use super::multistatus::{Multistatus, single};
use super::props::Asked;
use super::xml::{DAV, parse};
use super::{DAV_CLASSES, Target};
use crate::http::{Incoming, Reply};
use crate::world::State;

const XML: &str = "application/xml; charset=utf-8";

pub(super) fn propfind(state: &State, request: &Incoming, target: &Target) -> Reply {
    if state.locate(&target.uid, &target.path).is_none() {
        return error::no_such_file(&target.path).with("dav", DAV_CLASSES);
    }
    let Some(asked) = asked(&request.body) else {
        return error::bad_request("The request body is not a propfind document");
    };
    let depth = match request.header("depth") {
        Some("0") => Some(0),
        Some("infinity") => None,
        _ => Some(1),
    };
    let mut answer = Multistatus::new(state, &target.uid, &target.prefix);
    state.walk(&target.uid, &target.path, depth, &mut |path, located| {
        answer.add(path, located, &asked);
    });
    answer.reply(XML).with("dav", DAV_CLASSES)
}

fn asked(body: &[u8]) -> Option<Asked> {
    if body.is_empty() {
        return Some(Asked::usual());
    }
    let root = parse(body)?;
    if !root.is(DAV, "propfind") {
        return None;
    }
    Some(root.child("prop").map_or_else(Asked::usual, Asked::listed))
}

/// Another user's home: just its root, whatever the depth, and nothing about it (facts §1).
pub(super) fn foreign_home(owner: &str) -> Reply {
    let mut href = String::new();
    super::multistatus::write_href(&mut href, "/remote.php/dav/files/", owner, true);
    let resourcetype = "<d:resourcetype><d:collection/></d:resourcetype>";
    single(&href, resourcetype, "200 OK").with("dav", DAV_CLASSES)
}

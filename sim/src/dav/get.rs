//! GET and HEAD.

use super::Target;
use super::error::{self, error};
use crate::clock::http_date;
use crate::http::{Incoming, Reply, etag_listed};
use crate::world::State;

/// What a GET of a folder answers, with status 200.
const FOLDER_PAGE: &str = "This is the WebDAV interface. It can only be accessed by WebDAV clients such as \
     the Nextcloud desktop sync client.";

pub(super) fn get(state: &State, request: &Incoming, target: &Target) -> Reply {
    let Some(found) = state.locate(&target.uid, &target.path) else {
        return error::no_such_file(&target.path);
    };
    let Some(bytes) = found.node.bytes() else {
        return Reply::new(200, "text/html; charset=UTF-8", FOLDER_PAGE);
    };
    if !found.can_read() {
        return error::forbidden("No read permissions. This might be caused by files_accesscontrol");
    }
    let etag = &found.node.etag;
    if request
        .header("if-none-match")
        .is_some_and(|header| header == "*" || etag_listed(header, etag))
    {
        return Reply::new(304, "", "").with("etag", format!("\"{etag}\""));
    }
    let name = &found.node.name;
    let mime = found.node.mime();
    let kind = if mime.starts_with("text/") {
        format!("{mime};charset=UTF-8")
    } else {
        mime.to_owned()
    };
    let reply = match request.header("range").map(|header| range(header, bytes.len())) {
        Some(Some((start, end))) => Reply::new(206, &kind, bytes.slice(start..end)).with(
            "content-range",
            format!("bytes {start}-{}/{}", end - 1, bytes.len()),
        ),
        Some(None) => {
            return error(
                416,
                "Sabre\\DAV\\Exception\\RequestedRangeNotSatisfiable",
                "The start offset exceeded the size of the entity",
            );
        }
        None => Reply::new(200, &kind, bytes.clone()),
    };
    let mut encoded = String::new();
    super::multistatus::write_href(&mut encoded, "", name, false);
    let ascii: String = name
        .chars()
        .map(|c| if c.is_ascii() && c != '"' { c } else { '-' })
        .collect();
    reply
        .with("last-modified", http_date(found.node.modified))
        .with("etag", format!("\"{etag}\""))
        .with("oc-etag", format!("\"{etag}\""))
        .with(
            "content-disposition",
            format!("attachment; filename*=UTF-8''{encoded}; filename=\"{ascii}\""),
        )
}

/// `bytes=a-b`, `bytes=a-` or `bytes=-n` as a half-open range; `None` if it cannot be satisfied.
fn range(header: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = if first.is_empty() {
        (length.saturating_sub(last.parse().ok()?), length)
    } else {
        let end = if last.is_empty() {
            length
        } else {
            last.parse::<usize>().ok()?.checked_add(1)?
        };
        (first.parse().ok()?, end.min(length))
    };
    (start < end).then_some((start, end))
}

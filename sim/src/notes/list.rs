//! The list of notes: whole, pruned or in chunks (facts §6).

use serde_json::{Value, json};

use super::view::{self, Note};
use crate::clock::http_date;
use crate::http::{Incoming, NO_CACHE, Reply, etag_listed};
use crate::world::{State, md5_hex};

/// Where the last chunk ended: `<start of the listing>-<last change>-<id>`.
#[derive(Clone, Copy)]
struct Cursor {
    started: i64,
    changed: i64,
    id: i64,
}

impl Cursor {
    /// A cursor that makes no sense is ignored, as Nextcloud does.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.splitn(3, '-').map(str::parse);
        Some(Self {
            started: numbers.next()?.ok()?,
            changed: numbers.next()?.ok()?,
            id: numbers.next()?.ok()?,
        })
    }
}

pub(super) fn list(state: &State, request: &Incoming, uid: &str) -> Reply {
    let number = |name: &str| {
        request
            .query_value(name)
            .and_then(|value| value.parse::<i64>().ok())
    };
    let category = request.query_value("category");
    let excluded = super::excluded(request);
    let prune_before = number("pruneBefore").unwrap_or(0);
    let chunk = number("chunkSize")
        .and_then(|size| usize::try_from(size).ok())
        .unwrap_or(0);
    let cursor = request
        .query_value("chunkCursor")
        .as_deref()
        .and_then(Cursor::parse);

    let mut notes = view::all(state, uid);
    if let Some(category) = &category {
        notes.retain(|note| note.category() == category);
    }
    let (mut full, mut pruned): (Vec<Note<'_>>, Vec<Note<'_>>) = notes
        .into_iter()
        .partition(|note| note.located.node.changed >= prune_before);
    if let Some(cursor) = cursor.filter(|_| chunk > 0) {
        let (rest, seen) = full
            .into_iter()
            .partition(|note| (note.located.node.changed, note.id()) > (cursor.changed, cursor.id));
        full = rest;
        pruned.extend::<Vec<_>>(seen);
    }
    let mut next = None;
    if chunk > 0 && full.len() > chunk {
        let pending = full.len() - chunk;
        full.truncate(chunk);
        next = full.last().map(|last| {
            let started = cursor.map_or_else(|| state.now(), |cursor| cursor.started);
            (
                format!("{started}-{}-{}", last.located.node.changed, last.id()),
                pending,
            )
        });
        pruned.clear();
    }
    let mut entries: Vec<Value> = full.iter().map(|note| note.describe(&excluded)).collect();
    entries.extend(pruned.iter().map(|note| json!({"id": note.id()})));
    let mut reply = answer(state, request, &Value::Array(entries));
    if let Some((cursor, pending)) = next {
        reply = reply
            .with("x-notes-chunk-cursor", cursor)
            .with("x-notes-chunk-pending", pending.to_string());
    }
    reply
}

fn answer(state: &State, request: &Incoming, list: &Value) -> Reply {
    let etag = md5_hex(&list.to_string());
    let modified = http_date(state.now());
    let unchanged = request
        .header("if-none-match")
        .is_some_and(|header| etag_listed(header, &etag));
    let reply = if unchanged {
        Reply::new(304, "", "").with("cache-control", NO_CACHE)
    } else {
        Reply::json(200, list)
    };
    reply
        .with("last-modified", modified)
        .with("etag", format!("\"{etag}\""))
}

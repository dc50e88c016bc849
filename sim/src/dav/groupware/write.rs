//! PUT, DELETE and MKCALENDAR.

use super::{CALDAV, Collection, Kind, Target, no_node};
use crate::dav::error;
use crate::dav::xml::parse;
use crate::http::{Incoming, Reply, etag_listed};
use crate::world::State;

const HTML: &str = "text/html; charset=UTF-8";

pub(super) fn put(state: &mut State, request: &Incoming, target: &Target, uri: &str, name: &str) -> Reply {
    let now = state.now();
    let Some(collection) = state.groupware.find_mut(target.kind, &target.reader, uri) else {
        return no_node(uri);
    };
    let data = String::from_utf8_lossy(&request.body).into_owned();
    let known = collection.objects.get(name).map(|object| object.etag.clone());
    if request.header("if-none-match") == Some("*") && known.is_some() {
        return error::precondition_failed(
            "If-None-Match",
            "An If-None-Match header was specified, but the ETag matched (or * was specified).",
        );
    }
    if let Some(wanted) = request.header("if-match") {
        match &known {
            Some(etag) if etag_listed(wanted, etag) => {}
            Some(etag) => {
                return error::precondition_failed(
                    "If-Match",
                    "An If-Match header was specified, but none of the specified ETags matched.",
                )
                .with("etag", format!("\"{etag}\""));
            }
            None => {
                return error::precondition_failed(
                    "If-Match",
                    "An If-Match header was specified and the resource did not exist",
                );
            }
        }
    }
    if let Some(refusal) = refusal(collection, name, &data) {
        return refusal;
    }
    let etag = format!("\"{}\"", collection.put(name, &data, now));
    let status = if known.is_some() { 204 } else { 201 };
    Reply::new(status, HTML, "")
        .with("etag", &etag)
        .with("oc-etag", &etag)
}

fn refusal(collection: &Collection, name: &str, data: &str) -> Option<Reply> {
    let begin = data.trim_start().to_uppercase();
    let (fits, what) = match collection.kind {
        Kind::Calendar => (begin.starts_with("BEGIN:VCALENDAR"), "valid iCalendar 2.0 data"),
        Kind::AddressBook => (begin.starts_with("BEGIN:VCARD"), "valid vCard or jCard data"),
    };
    if !fits {
        return Some(error::error(
            415,
            "Sabre\\DAV\\Exception\\UnsupportedMediaType",
            &format!(
                "This resource only supports {what}. Parse error: This parser only supports VCARD and VCALENDAR files"
            ),
        ));
    }
    if collection.kind == Kind::AddressBook {
        return None;
    }
    let uid = data.lines().find_map(|line| line.strip_prefix("UID:"))?.trim();
    let elsewhere = collection
        .objects
        .iter()
        .any(|(other, object)| other != name && object.property("UID") == Some(uid));
    if elsewhere {
        return Some(error::bad_request(
            "Calendar object with uid already exists in this calendar collection.",
        ));
    }
    collection.trashed.contains(uid).then(|| {
        error::error(
            500,
            "OC\\DB\\Exceptions\\DbalException",
            "An exception occurred while executing a query: SQLSTATE[23505]: Unique violation",
        )
    })
}

pub(super) fn delete(state: &mut State, target: &Target, uri: &str, name: &str) -> Reply {
    let Some(collection) = state.groupware.find_mut(target.kind, &target.reader, uri) else {
        return no_node(uri);
    };
    if collection.delete(name) {
        Reply::new(204, HTML, "")
    } else {
        target.no_object()
    }
}

pub(super) fn mkcalendar(state: &mut State, request: &Incoming, target: &Target, uri: &str) -> Reply {
    if state.groupware.find(target.kind, &target.reader, uri).is_some() {
        return error::error(
            405,
            "Sabre\\DAV\\Exception\\MethodNotAllowed",
            "The resource you tried to create already exists",
        )
        .with("allow", crate::dav::ALLOWED);
    }
    let mut new = Collection::new(target.kind, &target.reader, uri, uri);
    let body = parse(&request.body);
    let asked = body
        .as_ref()
        .and_then(|root| root.child("set"))
        .and_then(|set| set.child("prop"));
    if let Some(name) = asked.and_then(|prop| prop.child("displayname")) {
        new.name.clone_from(&name.text);
    }
    if let Some(set) = asked.and_then(|prop| prop.child("supported-calendar-component-set")) {
        new.components = set
            .children
            .iter()
            .filter(|child| child.is(CALDAV, "comp"))
            .filter_map(|comp| comp.attribute("name").map(str::to_owned))
            .collect();
    }
    state.groupware.collections.push(new);
    Reply::new(201, HTML, "")
}

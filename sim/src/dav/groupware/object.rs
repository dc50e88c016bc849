//! GET of an event or contact.

use super::{Kind, Target, no_node};
use crate::clock::http_date;
use crate::http::Reply;
use crate::world::State;

pub(super) fn get(state: &State, target: &Target, uri: &str, name: &str) -> Reply {
    let Some(collection) = state.groupware.find(target.kind, &target.reader, uri) else {
        return no_node(uri);
    };
    let Some(object) = collection.shown(name, &target.reader) else {
        return target.no_object();
    };
    let content_type = match target.kind {
        Kind::Calendar => format!("text/calendar; charset=utf-8; component={}", object.component()),
        Kind::AddressBook => "text/vcard; charset=utf-8".to_owned(),
    };
    let etag = format!("\"{}\"", object.etag);
    Reply::new(200, &content_type, object.data.clone())
        .with("last-modified", http_date(object.modified))
        .with("etag", &etag)
        .with("oc-etag", &etag)
        .with(
            "content-disposition",
            format!("attachment; filename*=UTF-8''{name}; filename=\"{name}\""),
        )
}

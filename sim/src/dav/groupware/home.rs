//! PROPFIND of a home: its calendars or address books, and what else Nextcloud keeps there.

use super::{CALDAV, CALENDARSERVER, CARDDAV, Collection, Kind, Target};
use crate::dav::error;
use crate::dav::multistatus::escape;
use crate::dav::xml::{DAV, Element, OC, parse};
use crate::http::{Incoming, Reply};
use crate::world::State;

const OWN: &str = "write write-properties write-content unlock bind unbind write-acl read read-acl \
     read-current-user-privilege-set";
const SHARED: &str = "write-properties read read-acl read-current-user-privilege-set";
const INBOX: &str = "cal:schedule-deliver cal:schedule-deliver-invite cal:schedule-deliver-reply \
     cal:schedule-query-freebusy unbind write-properties read read-acl read-current-user-privilege-set";
const OUTBOX: &str = "cal:schedule-send cal:schedule-send-invite cal:schedule-send-reply cal:schedule-send-freebusy \
     cal:schedule-post-vevent read read-acl read-current-user-privilege-set";
const TRASH: &str = "all read write write-properties write-content unlock bind unbind write-acl read-acl \
     read-current-user-privilege-set";

pub(super) fn propfind(state: &State, request: &Incoming, target: &Target) -> Reply {
    let Some(root) = parse(&request.body).filter(|root| root.is(DAV, "propfind")) else {
        return error::bad_request("The request body is not a propfind document");
    };
    let asked = root.child("prop").map_or(&[][..], |prop| &prop.children);
    let kind = target.kind;
    let mut text = kind.response(&target.href(None, None), asked, |property| {
        plain(property, "<d:collection/>", OWN)
    });
    if request.header("depth") != Some("0") {
        for collection in state.groupware.seen(kind, &target.reader) {
            let uri = collection.uri_for(&target.reader);
            text.push_str(&kind.response(&target.href(Some(&uri), None), asked, |property| {
                value(state, target, collection, property)
            }));
        }
        if kind == Kind::Calendar {
            for (uri, what, may) in [
                ("inbox", "<cal:schedule-inbox/>", INBOX),
                ("outbox", "<cal:schedule-outbox/>", OUTBOX),
                (
                    "trashbin",
                    "<x2:trash-bin xmlns:x2=\"http://nextcloud.com/ns\"/>",
                    TRASH,
                ),
            ] {
                text.push_str(&kind.response(&target.href(Some(uri), None), asked, |property| {
                    plain(property, &format!("<d:collection/>{what}"), may)
                }));
            }
        }
    }
    kind.root(&text).with("dav", kind.classes())
}

/// Properties of what is no calendar and no address book.
fn plain(property: &Element, resource_type: &str, may: &str) -> Option<String> {
    if property.is(DAV, "resourcetype") {
        Some(resource_type.to_owned())
    } else if property.is(DAV, "current-user-privilege-set") {
        Some(privileges(may))
    } else {
        None
    }
}

fn privileges(may: &str) -> String {
    may.split_whitespace()
        .flat_map(|name| {
            let prefix = if name.contains(':') { "" } else { "d:" };
            ["<d:privilege><", prefix, name, "/></d:privilege>"]
        })
        .collect()
}

fn value(state: &State, target: &Target, collection: &Collection, property: &Element) -> Option<String> {
    let kind = collection.kind;
    let own = collection.owner == target.reader;
    let sync_token = format!("http://sabre.io/ns/sync/{}", collection.token);
    Some(match (property.namespace.as_str(), property.name.as_str()) {
        (DAV, "resourcetype") => match kind {
            Kind::Calendar => "<d:collection/><cal:calendar/>".to_owned(),
            Kind::AddressBook => "<d:collection/><card:addressbook/>".to_owned(),
        },
        (DAV, "displayname") => escape(&collection.name_for(&target.reader, state)).into_owned(),
        (CALENDARSERVER, "getctag") => match kind {
            Kind::Calendar => sync_token,
            Kind::AddressBook => collection.token.to_string(),
        },
        (DAV, "sync-token") => sync_token,
        // Own address books tell no owner.
        (OC, "owner-principal") if kind == Kind::Calendar || !own => {
            format!("principals/users/{}", escape(&collection.owner))
        }
        (DAV, "current-user-privilege-set") => {
            let free_busy = if kind == Kind::Calendar {
                " cal:read-free-busy"
            } else {
                ""
            };
            privileges(&format!("{}{free_busy}", if own { OWN } else { SHARED }))
        }
        (CALDAV, "supported-calendar-component-set") if kind == Kind::Calendar => collection
            .components
            .iter()
            .flat_map(|name| ["<cal:comp name=\"".into(), escape(name), "\"/>".into()])
            .collect(),
        ("http://apple.com/ns/ical/", "calendar-color") if kind == Kind::Calendar => "#00679e".to_owned(),
        (CARDDAV, "supported-address-data") if kind == Kind::AddressBook => {
            "<card:address-data-type content-type=\"text/vcard\" version=\"3.0\"/>\
             <card:address-data-type content-type=\"text/vcard\" version=\"4.0\"/>\
             <card:address-data-type content-type=\"application/vcard+json\" version=\"4.0\"/>"
                .to_owned()
        }
        _ => return None,
    })
}

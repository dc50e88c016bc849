//! `CalDAV` and `CardDAV` (facts §8): `/remote.php/dav/calendars/<uid>/…` and `/remote.php/dav/addressbooks/users/<uid>/…`.

mod home;
mod object;
mod report;
mod state;
mod write;

pub(crate) use state::{Collection, GroupwareState, Kind};

use super::error;
use super::multistatus::{escape, propstat, write_href};
use super::xml::{DAV, Element, NC, OC};
use crate::http::{Incoming, Reply};
use crate::world::World;

/// Namespace of `CalDAV`.
const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// Namespace of `CardDAV`.
const CARDDAV: &str = "urn:ietf:params:xml:ns:carddav";
/// Namespace of `getctag`.
const CALENDARSERVER: &str = "http://calendarserver.org/ns/";

const XML: &str = "application/xml; charset=utf-8";

impl Kind {
    /// `DAV` header of PROPFIND answers.
    fn classes(self) -> &'static str {
        match self {
            Self::Calendar => {
                "1, 3, extended-mkcol, access-control, calendarserver-principal-property-search, \
                 oc-resource-sharing, calendar-access, calendar-proxy, calendar-auto-schedule, \
                 calendar-availability, nc-calendar-trashbin, nc-calendar-webcal-cache, calendarserver-subscribed, \
                 oc-calendar-publishing, calendarserver-sharing, nc-paginate, nextcloud-checksum-update, \
                 nc-calendar-search, nc-enable-birthday-calendar, 2"
            }
            Self::AddressBook => {
                "1, 3, extended-mkcol, access-control, calendarserver-principal-property-search, \
                 oc-resource-sharing, addressbook, nc-paginate, nextcloud-checksum-update, nc-calendar-search, \
                 nc-enable-birthday-calendar, 2"
            }
        }
    }

    /// The prefixes that its answers declare.
    fn prefixes(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Calendar => &[
                ("d", DAV),
                ("s", "http://sabredav.org/ns"),
                ("cal", CALDAV),
                ("cs", CALENDARSERVER),
                ("oc", OC),
                ("nc", NC),
            ],
            Self::AddressBook => &[
                ("d", DAV),
                ("s", "http://sabredav.org/ns"),
                ("card", CARDDAV),
                ("oc", OC),
                ("nc", NC),
            ],
        }
    }

    /// An element; what has no declared prefix brings its own.
    fn element(self, namespace: &str, name: &str, content: Option<&str>) -> String {
        let declared = self.prefixes().iter().find(|(_, uri)| *uri == namespace);
        let (prefix, declaration) = match declared {
            Some((prefix, _)) => (*prefix, String::new()),
            None => ("x1", format!(" xmlns:x1=\"{}\"", escape(namespace))),
        };
        match content {
            Some(content) => format!("<{prefix}:{name}{declaration}>{content}</{prefix}:{name}>"),
            None => format!("<{prefix}:{name}{declaration}/>"),
        }
    }

    fn root(self, inside: &str) -> Reply {
        let declared: String = self
            .prefixes()
            .iter()
            .flat_map(|(prefix, uri)| [" xmlns:", prefix, "=\"", uri, "\""])
            .collect();
        let body = format!("<?xml version=\"1.0\"?>\n<d:multistatus{declared}>{inside}</d:multistatus>\n");
        let mut reply = Reply::new(207, XML, body);
        reply.streamed = true;
        reply
    }

    /// One `d:response` with the properties asked.
    fn response(self, href: &str, asked: &[Element], value: impl Fn(&Element) -> Option<String>) -> String {
        let (mut found, mut missing) = (String::new(), String::new());
        for property in asked {
            match value(property) {
                Some(content) => found.push_str(&self.element(
                    &property.namespace,
                    &property.name,
                    (!content.is_empty()).then_some(&content),
                )),
                None => missing.push_str(&self.element(&property.namespace, &property.name, None)),
            }
        }
        let mut text = format!("<d:response><d:href>{href}</d:href>");
        for (properties, status) in [(found, "200 OK"), (missing, "404 Not Found")] {
            if !properties.is_empty() {
                propstat(&mut text, &properties, status);
            }
        }
        text + "</d:response>"
    }
}

/// The resource that a request names.
pub(super) struct Target {
    pub(super) kind: Kind,
    /// Who asks.
    reader: String,
    /// Whose home it is.
    home: String,
    /// Address of a collection in it.
    collection: Option<String>,
    /// Name of an object in that.
    object: Option<String>,
}

impl Target {
    /// What the path below `/remote.php/dav` names, if it belongs here.
    pub(super) fn of(rest: &str, reader: &str) -> Option<Self> {
        let (kind, rest) = match rest.strip_prefix("/calendars/") {
            Some(rest) => (Kind::Calendar, rest),
            None => (Kind::AddressBook, rest.strip_prefix("/addressbooks/users/")?),
        };
        let mut segments = rest
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned);
        Some(Self {
            kind,
            reader: reader.to_owned(),
            home: segments.next()?,
            collection: segments.next(),
            object: segments.next(),
        })
    }

    /// Address of the home, of a collection or of an object, encoded.
    fn href(&self, collection: Option<&str>, object: Option<&str>) -> String {
        let home = match self.kind {
            Kind::Calendar => "/remote.php/dav/calendars/",
            Kind::AddressBook => "/remote.php/dav/addressbooks/users/",
        };
        let mut href = String::new();
        write_href(&mut href, home, &self.home, true);
        if let Some(collection) = collection {
            write_href(&mut href, collection, "", true);
        }
        if let Some(object) = object {
            write_href(&mut href, object, "", false);
        }
        href
    }

    fn no_object(&self) -> Reply {
        error::not_found(match self.kind {
            Kind::Calendar => "Calendar object not found",
            Kind::AddressBook => "Card not found",
        })
    }
}

/// The answer to a name that nothing has.
fn no_node(name: &str) -> Reply {
    error::not_found(&format!("Node with name '{name}' could not be found"))
}

/// Answers a request below a home.
pub(super) fn answer(world: &World, request: &Incoming, target: &Target) -> Reply {
    if target.home != target.reader {
        return no_node(&target.home).with("dav", target.kind.classes());
    }
    match (request.method.as_str(), &target.collection, &target.object) {
        ("PROPFIND", None, _) => home::propfind(&world.read(), request, target),
        ("REPORT", Some(uri), None) => report::report(&world.read(), request, target, uri),
        ("MKCALENDAR", Some(uri), None) => write::mkcalendar(&mut world.write(), request, target, uri),
        ("GET" | "HEAD", Some(uri), Some(name)) => object::get(&world.read(), target, uri, name),
        ("PUT", Some(uri), Some(name)) => write::put(&mut world.write(), request, target, uri, name),
        ("DELETE", Some(uri), Some(name)) => write::delete(&mut world.write(), target, uri, name),
        _ => error::error(
            501,
            "Sabre\\DAV\\Exception\\NotImplemented",
            "This request is not simulated",
        ),
    }
}

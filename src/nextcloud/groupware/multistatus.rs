//! A 207 that fits into memory: responses with the properties that were found, and the sync token.

use crate::nextcloud::NextcloudError;
use crate::nextcloud::dav::resolve_reference;
use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};

/// `WebDAV`'s namespace.
pub(super) const DAV: &str = "DAV:";
/// Namespace of `CalDAV`.
pub(super) const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
/// Namespace of `CardDAV`.
pub(super) const CARDDAV: &str = "urn:ietf:params:xml:ns:carddav";
/// Namespace of `getctag`.
pub(super) const CALENDARSERVER: &str = "http://calendarserver.org/ns/";
/// Namespace of `owner-principal`.
pub(in crate::nextcloud) const OWNCLOUD: &str = "http://owncloud.org/ns";

/// Deepest nesting; real answers have eight levels.
const MAX_DEPTH: usize = 32;

/// Namespace and local name.
type Name = (String, String);

/// One `d:response`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::nextcloud) struct Response {
    /// As it stands in the answer, encoded.
    pub(in crate::nextcloud) href: String,
    /// The fate of the whole resource, where it has one.
    pub(in crate::nextcloud) status: Option<u16>,
    values: Vec<(Name, String)>,
    types: Vec<Name>,
}

impl Response {
    /// Text of a property that was found; `None` for an empty one.
    pub(in crate::nextcloud) fn value(&self, namespace: &str, name: &str) -> Option<&str> {
        let (_, value) = self
            .values
            .iter()
            .find(|((has_namespace, has_name), _)| has_namespace == namespace && has_name == name)?;
        Some(value.as_str()).filter(|value| !value.trim().is_empty())
    }

    /// Whether `d:resourcetype` holds this element.
    pub(super) fn is_a(&self, namespace: &str, name: &str) -> bool {
        self.types
            .iter()
            .any(|(has_namespace, has_name)| has_namespace == namespace && has_name == name)
    }

    /// Last segment of the address, decoded; `None` for the collection itself and for what is no name.
    pub(super) fn name_in(&self, folder: &str) -> Option<String> {
        let path = self
            .href
            .split_once("://")
            .map_or(self.href.as_str(), |(_, rest)| {
                rest.find('/').map_or("", |slash| &rest[slash..])
            });
        let segments: Vec<Option<String>> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(super::key::decode)
            .collect();
        let parents: Vec<Option<String>> = folder
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(super::key::decode)
            .collect();
        // A proxy may put a prefix before it.
        let (name, above) = segments.split_last()?;
        above.ends_with(&parents).then(|| name.clone()).flatten()
    }
}

/// The document.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::nextcloud) struct Multistatus {
    pub(in crate::nextcloud) responses: Vec<Response>,
    /// `d:sync-token` beside the responses.
    pub(in crate::nextcloud) sync_token: Option<String>,
}

/// Reads a document. Anything that would make a partial one look complete is an error.
pub(in crate::nextcloud) fn parse(body: &[u8]) -> Result<Multistatus, NextcloudError> {
    let text = std::str::from_utf8(body).map_err(|_invalid| malformed("the answer is not UTF-8"))?;
    let mut reader = NsReader::from_str(text);
    let mut parser = Parser::default();
    loop {
        let (namespace, event) = reader
            .read_resolved_event()
            .map_err(|_invalid| malformed("the answer is not well-formed XML"))?;
        match event {
            Event::Start(tag) => parser.start(named(&namespace, tag.local_name().as_ref())?)?,
            Event::Empty(tag) => {
                parser.start(named(&namespace, tag.local_name().as_ref())?)?;
                parser.end()?;
            }
            Event::End(_) => parser.end()?,
            Event::Text(text) => parser.text.push_str(&text),
            Event::CData(text) => parser.text.push_str(&text),
            Event::GeneralRef(reference) => parser.text.push(
                resolve_reference(&reference).ok_or_else(|| malformed("XML with entities is refused"))?,
            ),
            Event::DocType(_) => return Err(malformed("XML with entities is refused")),
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    if parser.complete {
        Ok(parser.document)
    } else {
        Err(malformed("the answer is cut off"))
    }
}

fn named(namespace: &ResolveResult<'_>, name: &str) -> Result<Name, NextcloudError> {
    match namespace {
        ResolveResult::Bound(Namespace(uri)) => Ok(((*uri).to_owned(), name.to_owned())),
        ResolveResult::Unbound => Ok((String::new(), name.to_owned())),
        ResolveResult::Unknown(_) => Err(malformed("an XML prefix is not declared")),
    }
}

#[derive(Debug, Default)]
struct Parser {
    open: Vec<Name>,
    text: String,
    response: Response,
    /// Of the propstat that is open.
    values: Vec<(Name, String)>,
    types: Vec<Name>,
    status: Option<u16>,
    document: Multistatus,
    complete: bool,
}

impl Parser {
    /// Names of the open elements, `""` for those outside of `WebDAV`.
    fn path(&self) -> Vec<&str> {
        self.open
            .iter()
            .map(|(namespace, name)| if namespace == DAV { name.as_str() } else { "" })
            .collect()
    }

    fn start(&mut self, name: Name) -> Result<(), NextcloudError> {
        if self.open.is_empty() && (name.0 != DAV || name.1 != "multistatus" || self.complete) {
            return Err(malformed("not a multistatus document"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(malformed("the XML is nested too deeply"));
        }
        self.text.clear();
        self.open.push(name);
        match self.path()[..] {
            ["multistatus", "response"] => self.response = Response::default(),
            ["multistatus", "response", "propstat"] => {
                self.values.clear();
                self.types.clear();
                self.status = None;
            }
            ["multistatus", "response", "propstat", "prop", "resourcetype", _] => {
                self.types.extend(self.open.last().cloned());
            }
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), NextcloudError> {
        let text = std::mem::take(&mut self.text);
        match self.path()[..] {
            ["multistatus", "response", "href"] => text.trim().clone_into(&mut self.response.href),
            ["multistatus", "response", "status"] => self.response.status = Some(status_code(&text)?),
            ["multistatus", "response", "propstat", "status"] => self.status = Some(status_code(&text)?),
            ["multistatus", "response", "propstat", "prop", _] => {
                self.values
                    .extend(self.open.last().cloned().map(|name| (name, text)));
            }
            ["multistatus", "response", "propstat"] => match self.status {
                Some(200) => {
                    self.response.values.append(&mut self.values);
                    self.response.types.append(&mut self.types);
                }
                Some(status @ 500..) => return Err(listed_with(status)),
                // 404 and 403: this resource has no such property, or hides it.
                Some(_) => {}
                None => return Err(malformed("a propstat has no status")),
            },
            ["multistatus", "response"] => {
                let response = std::mem::take(&mut self.response);
                if response.href.is_empty() {
                    return Err(malformed("a response has no href"));
                }
                self.document.responses.push(response);
            }
            ["multistatus", "sync-token"] => self.document.sync_token = Some(text.trim().to_owned()),
            ["multistatus"] => self.complete = true,
            _ => {}
        }
        self.open.pop();
        Ok(())
    }
}

/// The number in `HTTP/1.1 200 OK`.
fn status_code(line: &str) -> Result<u16, NextcloudError> {
    let mut words = line.split_whitespace();
    words
        .next()
        .filter(|version| version.starts_with("HTTP/"))
        .and_then(|_version| words.next()?.parse().ok())
        .ok_or_else(|| malformed("a status cannot be read"))
}

pub(in crate::nextcloud) fn malformed(what: &str) -> NextcloudError {
    NextcloudError::Malformed(what.to_owned())
}

pub(super) fn listed_with(status: u16) -> NextcloudError {
    NextcloudError::Malformed(format!("a resource was listed with status {status}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_properties_that_were_found_count() {
        let body =
            br#"<?xml version="1.0"?><d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
            <d:response><d:href>/remote.php/dav/calendars/alice/a%20b/</d:href>
              <d:propstat><d:prop><d:displayname>A &amp; B</d:displayname>
                <d:resourcetype><d:collection/><c:calendar/></d:resourcetype></d:prop>
                <d:status>HTTP/1.1 200 OK</d:status></d:propstat>
              <d:propstat><d:prop><d:sync-token>x</d:sync-token></d:prop>
                <d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>
            <d:response><d:href>/remote.php/dav/calendars/alice/a%20b/e.ics</d:href>
              <d:status>HTTP/1.1 404 Not Found</d:status></d:response>
            <d:sync-token>http://sabre.io/ns/sync/6</d:sync-token></d:multistatus>"#;
        let document = parse(body).unwrap();
        assert_eq!(document.sync_token.as_deref(), Some("http://sabre.io/ns/sync/6"));
        let [calendar, event] = &document.responses[..] else {
            panic!("{document:?}")
        };
        assert_eq!(calendar.value(DAV, "displayname"), Some("A & B"));
        assert_eq!(calendar.value(DAV, "sync-token"), None);
        assert!(calendar.is_a(CALDAV, "calendar") && !calendar.is_a(DAV, "calendar"));
        assert_eq!(
            calendar.name_in("/remote.php/dav/calendars/alice").as_deref(),
            Some("a b")
        );
        let folder = "/remote.php/dav/calendars/alice/a%20b";
        assert_eq!(
            (event.status, event.name_in(folder).as_deref()),
            (Some(404), Some("e.ics"))
        );
        assert_eq!(calendar.name_in(folder), None, "the collection itself");
    }

    #[test]
    fn what_is_cut_or_no_multistatus_is_refused() {
        for body in [
            "",
            "<html/>",
            r#"<d:multistatus xmlns:d="DAV:"><d:response><d:href>/a</d:href></d:response>"#,
            r#"<d:multistatus xmlns:d="DAV:"><d:response/></d:multistatus>"#,
            r#"<!DOCTYPE x><d:multistatus xmlns:d="DAV:"/>"#,
            r#"<d:multistatus xmlns:d="DAV:"><d:response><d:href>/a</d:href><d:propstat><d:prop/>
               <d:status>HTTP/1.1 500 Error</d:status></d:propstat></d:response></d:multistatus>"#,
        ] {
            assert!(
                matches!(parse(body.as_bytes()), Err(NextcloudError::Malformed(_))),
                "{body}"
            );
        }
        assert_eq!(
            parse(br#"<d:multistatus xmlns:d="DAV:"/>"#).unwrap(),
            Multistatus::default()
        );
    }
}

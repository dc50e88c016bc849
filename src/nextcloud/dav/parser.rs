//! The states of a `d:multistatus` document. It takes one XML event after the other and needs memory for one
//! response only. Anything that would make a partial listing look complete is an error.

use super::DavEntry;
use super::path::FilesRoot;
use super::property::{DAV, Properties, Property};
use crate::nextcloud::NextcloudError;
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::{Namespace, ResolveResult};

/// Deepest nesting; real answers have seven levels.
const MAX_DEPTH: usize = 32;
/// Longest href or property value, in bytes.
const MAX_TEXT: usize = 64 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Element {
    Multistatus,
    Response,
    Href,
    Propstat,
    Prop,
    Status,
    ResourceType,
    Collection,
    Value(Property),
    Other,
}

impl Element {
    fn below(parent: Self, namespace: &str, name: &str) -> Self {
        match (parent, name) {
            (Self::Prop, _) if namespace != DAV || name != "resourcetype" => {
                Property::named(namespace, name).map_or(Self::Other, Self::Value)
            }
            _ if namespace != DAV => Self::Other,
            (Self::Multistatus, "response") => Self::Response,
            (Self::Response, "href") => Self::Href,
            (Self::Response | Self::Propstat, "status") => Self::Status,
            (Self::Response, "propstat") => Self::Propstat,
            (Self::Propstat, "prop") => Self::Prop,
            (Self::Prop, "resourcetype") => Self::ResourceType,
            (Self::ResourceType, "collection") => Self::Collection,
            _ => Self::Other,
        }
    }

    fn has_text(self) -> bool {
        matches!(self, Self::Href | Self::Status | Self::Value(_))
    }
}

/// One `d:response` as far as it was read.
#[derive(Debug, Default)]
struct Response {
    href: Option<String>,
    found: Properties,
    propstat: Properties,
    status: Option<u16>,
}

/// Parser state.
#[derive(Debug)]
pub(super) struct Parser<'r> {
    root: &'r FilesRoot,
    open: Vec<Element>,
    text: String,
    response: Response,
    complete: bool,
}

impl<'r> Parser<'r> {
    pub(super) fn new(root: &'r FilesRoot) -> Self {
        Self {
            root,
            open: Vec::new(),
            text: String::new(),
            response: Response::default(),
            complete: false,
        }
    }

    /// Whether `</d:multistatus>` was read.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes one event; gives an entry at the end of each response.
    pub(super) fn event(
        &mut self,
        namespace: &ResolveResult<'_>,
        event: &Event<'_>,
    ) -> Result<Option<DavEntry>, NextcloudError> {
        match event {
            Event::Start(tag) => {
                self.start(namespace, tag.local_name().as_ref())?;
                Ok(None)
            }
            Event::Empty(tag) => {
                self.start(namespace, tag.local_name().as_ref())?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(text).map(|()| None),
            Event::CData(text) => self.text(text).map(|()| None),
            Event::GeneralRef(reference) => {
                let character =
                    resolve_reference(reference).ok_or_else(|| malformed("XML with entities is refused"))?;
                self.text(character.encode_utf8(&mut [0; 4])).map(|()| None)
            }
            Event::DocType(_) => Err(malformed("XML with entities is refused")),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) | Event::Eof => Ok(None),
        }
    }

    fn start(&mut self, namespace: &ResolveResult<'_>, name: &str) -> Result<(), NextcloudError> {
        let namespace = match namespace {
            ResolveResult::Bound(Namespace(uri)) => uri,
            ResolveResult::Unbound => "",
            ResolveResult::Unknown(_) => return Err(malformed("an XML prefix is not declared")),
        };
        let element = match self.open.last() {
            Some(parent) => Element::below(*parent, namespace, name),
            None if namespace == DAV && name == "multistatus" && !self.complete => Element::Multistatus,
            None => return Err(malformed("not a multistatus document")),
        };
        if self.open.len() >= MAX_DEPTH {
            return Err(malformed("the XML is nested too deeply"));
        }
        match element {
            Element::Response => self.response = Response::default(),
            Element::Propstat => {
                self.response.propstat = Properties::default();
                self.response.status = None;
            }
            Element::Collection => self.response.propstat.is_folder = true,
            _ => {}
        }
        self.text.clear();
        self.open.push(element);
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), NextcloudError> {
        if !self.open.last().is_some_and(|element| element.has_text()) {
            return Ok(());
        }
        if self.text.len() + text.len() > MAX_TEXT {
            return Err(malformed("a value in the XML is too long"));
        }
        self.text.push_str(text);
        Ok(())
    }

    fn end(&mut self) -> Result<Option<DavEntry>, NextcloudError> {
        let Some(element) = self.open.pop() else {
            return Err(malformed("the XML is not balanced"));
        };
        match element {
            Element::Href => {
                let before = self.response.href.replace(self.text.trim().to_owned());
                before.map_or(Ok(()), |_second| Err(malformed("a response names two resources")))?;
            }
            Element::Value(property) => self.response.propstat.set(property, &self.text),
            Element::Status => {
                let status = status_code(&self.text).ok_or_else(|| malformed("a status cannot be read"))?;
                // Outside of a propstat it is the fate of the whole resource.
                if self.open.last() == Some(&Element::Response) && status != 200 {
                    return Err(listed_with(status));
                }
                self.response.status = Some(status);
            }
            Element::Propstat => match self.response.status.take() {
                Some(200) => {
                    let found = std::mem::take(&mut self.response.propstat);
                    self.response.found.merge(found);
                }
                Some(status @ 500..) => return Err(listed_with(status)),
                // 404 and 403: this resource has no such property, or hides it.
                Some(_) => {}
                None => return Err(malformed("a propstat has no status")),
            },
            Element::Response => {
                let response = std::mem::take(&mut self.response);
                let href = response.href.ok_or_else(|| malformed("a response has no href"))?;
                return response.found.into_entry(&href, self.root).map(Some);
            }
            Element::Multistatus => self.complete = true,
            _ => {}
        }
        self.text.clear();
        Ok(None)
    }
}

/// The five predefined entities and numbers; anything else would need a DTD.
pub(in crate::nextcloud) fn resolve_reference(reference: &BytesRef<'_>) -> Option<char> {
    match reference.as_ref() {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => reference.resolve_char_ref().ok().flatten(),
    }
}

/// The number in `HTTP/1.1 200 OK`.
fn status_code(line: &str) -> Option<u16> {
    let mut words = line.split_whitespace();
    words.next().filter(|version| version.starts_with("HTTP/"))?;
    words.next()?.parse().ok()
}

fn malformed(what: &str) -> NextcloudError {
    NextcloudError::Malformed(what.to_owned())
}

fn listed_with(status: u16) -> NextcloudError {
    NextcloudError::Malformed(format!("a resource was listed with status {status}"))
}

//! The list of system tags: the properties `oc:id` and `oc:display-name` of each `d:response`. A list that is cut off, or
//! has a tag without id, name or status 200, is an error: a tag that is overlooked would lift an exclusion.

use super::SystemTag;
use super::parser::resolve_reference;
use super::property::DAV;
use crate::nextcloud::NextcloudError;
use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};

const OWNCLOUD: &str = "http://owncloud.org/ns";

/// End of the list's own address, which has no number behind it as the tags have.
const COLLECTION: &str = "/systemtags";

/// Deepest nesting; real answers have five levels.
const MAX_DEPTH: usize = 32;

#[derive(Default)]
struct Parser {
    /// Local names of the open elements; empty for those of other namespaces.
    open: Vec<String>,
    text: String,
    href: String,
    /// A status of the response that is not 200.
    refused: bool,
    id: Option<String>,
    name: Option<String>,
    tags: Vec<SystemTag>,
    complete: bool,
}

/// Reads the document.
pub(super) fn parse(body: &[u8]) -> Result<Vec<SystemTag>, NextcloudError> {
    let text = std::str::from_utf8(body).map_err(|_invalid| malformed("the list of tags is not UTF-8"))?;
    let mut reader = NsReader::from_str(text);
    let mut parser = Parser::default();
    loop {
        let (namespace, event) = reader
            .read_resolved_event()
            .map_err(|_invalid| malformed("the list of tags is not well-formed XML"))?;
        match event {
            Event::Start(tag) => parser.start(&namespace, tag.local_name().as_ref())?,
            Event::Empty(tag) => {
                parser.start(&namespace, tag.local_name().as_ref())?;
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
        Ok(parser.tags)
    } else {
        Err(malformed("the list of tags is cut off"))
    }
}

impl Parser {
    fn start(&mut self, namespace: &ResolveResult<'_>, name: &str) -> Result<(), NextcloudError> {
        let name = match namespace {
            ResolveResult::Bound(Namespace(uri)) if *uri == DAV => name.to_owned(),
            ResolveResult::Bound(Namespace(uri)) if *uri == OWNCLOUD => format!("oc:{name}"),
            _ => String::new(),
        };
        if self.open.is_empty() && (name != "multistatus" || self.complete) {
            return Err(malformed("not a multistatus document"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(malformed("the XML is nested too deeply"));
        }
        if name == "response" {
            (self.id, self.name, self.refused) = (None, None, false);
            self.href.clear();
        }
        self.text.clear();
        self.open.push(name);
        Ok(())
    }

    fn end(&mut self) -> Result<(), NextcloudError> {
        let ended = self
            .open
            .pop()
            .ok_or_else(|| malformed("the XML is not balanced"))?;
        let text = std::mem::take(&mut self.text);
        let in_prop = self.open.last().is_some_and(|parent| parent == "prop");
        match ended.as_str() {
            "oc:id" if in_prop => self.id = Some(text.trim().to_owned()),
            "oc:display-name" if in_prop => self.name = Some(text),
            "href" if self.open.last().is_some_and(|parent| parent == "response") => {
                text.trim().clone_into(&mut self.href);
            }
            "status" => self.refused |= text.split_ascii_whitespace().nth(1) != Some("200"),
            "response" => self.response()?,
            "multistatus" if self.open.is_empty() => self.complete = true,
            _ => {}
        }
        Ok(())
    }

    /// The collection itself has no id, which a status tells.
    fn response(&mut self) -> Result<(), NextcloudError> {
        let id = self.id.take().filter(|id| !id.is_empty());
        if id.is_none() && self.href.trim_end_matches('/').ends_with(COLLECTION) {
            return Ok(());
        }
        if self.refused {
            return Err(malformed("a tag could not be read"));
        }
        let id = id
            .ok_or_else(|| malformed("a tag has no id"))?
            .parse()
            .map_err(|_invalid| malformed("the id of a tag is not a number"))?;
        let name = self.name.take().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| malformed("a tag has no name"))?;
        self.tags.push(SystemTag { id, name });
        Ok(())
    }
}

fn malformed(what: &str) -> NextcloudError {
    NextcloudError::Malformed(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDED: &str = r#"<?xml version="1.0"?>
<d:multistatus xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:response><d:href>/remote.php/dav/systemtags/</d:href>
<d:propstat><d:prop><oc:id/><oc:display-name/></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>
<d:response><d:href>/remote.php/dav/systemtags/1/</d:href><d:propstat><d:prop><oc:id>1</oc:id>
<oc:display-name>a &amp; b</oc:display-name></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>"#;

    #[test]
    fn tags_are_read_and_the_collection_is_none() {
        let tags = parse(RECORDED.as_bytes()).unwrap();
        let expected = SystemTag {
            id: 1,
            name: "a & b".to_owned(),
        };
        assert_eq!(tags, [expected]);
    }

    #[test]
    fn half_a_list_is_no_list() {
        for end in [RECORDED.len() - 16, 200, 30, 0] {
            assert!(parse(&RECORDED.as_bytes()[..end]).is_err(), "{end}");
        }
        let nameless = RECORDED.replace("a &amp; b", "");
        assert!(parse(nameless.as_bytes()).is_err());
        assert!(parse(RECORDED.replace(">1</oc:id>", ">x</oc:id>").as_bytes()).is_err());
        let refused = RECORDED.replace("HTTP/1.1 200 OK", "HTTP/1.1 403 Forbidden");
        assert!(parse(refused.as_bytes()).is_err());
        assert!(parse(RECORDED.replace("<oc:id>1</oc:id>", "<oc:id/>").as_bytes()).is_err());
        let failed = "<d:response><d:href>/remote.php/dav/systemtags/2/</d:href>\
                      <d:status>HTTP/1.1 500 Internal Server Error</d:status></d:response></d:multistatus>";
        let without_properties = RECORDED.replace("</d:multistatus>", failed);
        assert!(parse(without_properties.as_bytes()).is_err());
        let of_the_list = RECORDED.replace("/systemtags/</d:href>", "/elsewhere/</d:href>");
        assert!(
            parse(of_the_list.as_bytes()).is_err(),
            "only the list itself has no id"
        );
        assert!(parse(b"<html><body>Log in</body></html>").is_err());
    }
}

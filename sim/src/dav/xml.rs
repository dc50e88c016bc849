//! Request bodies as a small tree.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// `WebDAV`'s own namespace.
pub(super) const DAV: &str = "DAV:";
/// ownCloud's namespace.
pub(super) const OC: &str = "http://owncloud.org/ns";
/// Nextcloud's namespace.
pub(super) const NC: &str = "http://nextcloud.org/ns";

/// One element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) namespace: String,
    pub(super) name: String,
    /// Its own text, without its children's.
    pub(super) text: String,
    pub(super) children: Vec<Element>,
    /// Name and value, namespaces aside.
    attributes: Vec<(String, String)>,
}

impl Element {
    pub(super) fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }

    /// An attribute's value.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        attributes
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The first child of this name in any namespace.
    pub(super) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }
}

/// The document's root, or `None` if it is not well-formed XML or brings a document type with it.
pub(super) fn parse(body: &[u8]) -> Option<Element> {
    let text = std::str::from_utf8(body).ok()?;
    let mut reader = NsReader::from_str(text);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        let (namespace, event) = reader.read_resolved_event().ok()?;
        match event {
            Event::Start(tag) => open.push(element(&namespace, &tag)?),
            Event::Empty(tag) => {
                let new = element(&namespace, &tag)?;
                open.last_mut()?.children.push(new);
            }
            Event::End(_) => {
                let done = open.pop()?;
                open.last_mut()?.children.push(done);
            }
            Event::Text(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
            Event::CData(text) => open.last_mut()?.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = match reference.resolve_char_ref().ok()? {
                    Some(character) => character.to_string(),
                    None => predefined(&reference.xml10_content())?.to_owned(),
                };
                open.last_mut()?.text.push_str(&character);
            }
            Event::DocType(_) => return None,
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
    let mut document = open.pop().filter(|_| open.is_empty())?;
    (document.children.len() == 1).then(|| document.children.remove(0))
}

fn element(namespace: &ResolveResult<'_>, tag: &BytesStart<'_>) -> Option<Element> {
    let namespace = match namespace {
        ResolveResult::Bound(namespace) => namespace.0.to_owned(),
        ResolveResult::Unbound => String::new(),
        ResolveResult::Unknown(_) => return None,
    };
    Some(Element {
        namespace,
        name: tag.local_name().as_ref().to_owned(),
        attributes: tag
            .attributes()
            .filter_map(Result::ok)
            .map(|attribute| {
                let value = String::from_utf8_lossy(attribute.value.as_ref().as_bytes()).into_owned();
                (attribute.key.local_name().as_ref().to_owned(), value)
            })
            .collect(),
        ..Element::default()
    })
}

/// XML's five entities; others are refused.
fn predefined(name: &str) -> Option<&'static str> {
    match name {
        "lt" => Some("<"),
        "gt" => Some(">"),
        "amp" => Some("&"),
        "quot" => Some("\""),
        "apos" => Some("'"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_text_and_namespaces_are_read() {
        let root = parse(b"<a xmlns='DAV:' xmlns:o='urn:o'><o:b>x &amp; &#252;</o:b><c/></a>").unwrap();
        assert!(root.is(DAV, "a"));
        assert!(root.children[0].is("urn:o", "b"));
        assert_eq!(root.children[0].text, "x & ü");
        assert!(root.children[1].is(DAV, "c"));
    }

    #[test]
    fn broken_documents_and_document_types_are_refused() {
        for body in [
            "",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<!DOCTYPE a><a/>",
            "<a>&x;</a>",
            "<p:a/>",
        ] {
            assert_eq!(parse(body.as_bytes()), None, "{body}");
        }
    }
}

//! Writing a 207 document.

use std::borrow::Cow;

use super::props::{Asked, Property, value};
use crate::http::Reply;
use crate::world::{Located, State};

/// The start of every multistatus, without its closing bracket.
const ROOT: &str = "<?xml version=\"1.0\"?>\n<d:multistatus xmlns:d=\"DAV:\" \
     xmlns:s=\"http://sabredav.org/ns\" xmlns:oc=\"http://owncloud.org/ns\" xmlns:nc=\"http://nextcloud.org/ns\"";

/// A multistatus being written.
pub(super) struct Multistatus<'s> {
    state: &'s State,
    uid: &'s str,
    prefix: &'s str,
    text: String,
}

impl<'s> Multistatus<'s> {
    /// `prefix` is what hrefs start with.
    pub(super) fn new(state: &'s State, uid: &'s str, prefix: &'s str) -> Self {
        Self {
            state,
            uid,
            prefix,
            text: format!("{ROOT}>"),
        }
    }

    /// Adds one resource with the properties asked.
    pub(super) fn add(&mut self, path: &str, located: Located<'_>, asked: &Asked) {
        let (mut found, mut missing) = (String::new(), String::new());
        for property in asked.of(located.node.is_folder()) {
            match value(self.state, self.uid, path, located, property) {
                Some(value) => write_property(&mut found, property, &value),
                None if asked.all => {}
                None => write_property(&mut missing, property, ""),
            }
        }
        self.text.push_str("<d:response><d:href>");
        write_href(&mut self.text, self.prefix, path, located.node.is_folder());
        self.text.push_str("</d:href>");
        if !found.is_empty() || missing.is_empty() {
            propstat(&mut self.text, &found, "200 OK");
        }
        if !missing.is_empty() {
            propstat(&mut self.text, &missing, "404 Not Found");
        }
        self.text.push_str("</d:response>");
    }

    /// The answer; without any resource its root is an empty element.
    pub(super) fn reply(self, content_type: &str) -> Reply {
        let empty = format!("{ROOT}>");
        let body = if self.text == empty {
            format!("{ROOT}/>\n")
        } else {
            self.text + "</d:multistatus>\n"
        };
        let mut reply = Reply::new(207, content_type, body);
        reply.streamed = true;
        reply
    }
}

/// A multistatus with one resource and one list of properties.
pub(super) fn single(href: &str, properties: &str, status: &str) -> Reply {
    let mut text = format!("{ROOT}><d:response><d:href>{href}</d:href>");
    propstat(&mut text, properties, status);
    text.push_str("</d:response></d:multistatus>\n");
    Reply::new(207, "application/xml; charset=utf-8", text)
}

/// One list of properties, XML already, with its status.
pub(super) fn propstat(out: &mut String, properties: &str, status: &str) {
    out.push_str("<d:propstat><d:prop>");
    out.push_str(properties);
    out.push_str("</d:prop><d:status>HTTP/1.1 ");
    out.push_str(status);
    out.push_str("</d:status></d:propstat>");
}

/// `value` is XML already.
pub(super) fn write_property(out: &mut String, property: &Property, value: &str) {
    let name = &property.name;
    let element = match property.prefix() {
        Some(prefix) if value.is_empty() && property.closes_empty() => {
            format!("<{prefix}:{name}></{prefix}:{name}>")
        }
        Some(prefix) if value.is_empty() => format!("<{prefix}:{name}/>"),
        Some(prefix) => format!("<{prefix}:{name}>{value}</{prefix}:{name}>"),
        None => format!("<x1:{name} xmlns:x1=\"{}\"/>", escape(&property.namespace)),
    };
    out.push_str(&element);
}

/// Percent-encoded as Sabre does: lower-case digits, `( )` left alone.
pub(super) fn write_href(out: &mut String, prefix: &str, path: &str, folder: bool) {
    let slash = if folder && path != "/" { "/" } else { "" };
    for part in [prefix, path, slash] {
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"_-.~()/".contains(&byte) {
                out.push(char::from(byte));
            } else {
                let escaped = format!("%{byte:02x}");
                out.push_str(&escaped);
            }
        }
    }
}

/// Text as XML content.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::escape(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hrefs_are_encoded_in_lower_case() {
        let mut href = String::new();
        write_href(&mut href, "/dav", "/rec/ü ö#?.md", false);
        assert_eq!(href, "/dav/rec/%c3%bc%20%c3%b6%23%3f.md");
        let mut root = String::new();
        write_href(&mut root, "/dav", "/", true);
        assert_eq!(root, "/dav/");
    }
}

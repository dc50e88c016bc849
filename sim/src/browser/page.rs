//! One page as a test sees it.

use reqwest::header::HeaderMap;
use url::Url;

/// An answer, or a URL at which a visit ended before asking (status 0).
#[derive(Clone, Debug)]
pub struct Page {
    /// Where it came from.
    pub url: Url,
    /// The HTTP status; 0 if the URL was not asked.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as text.
    pub body: String,
}

impl Page {
    pub(super) fn not_visited(url: Url) -> Self {
        Self {
            url,
            status: 0,
            headers: HeaderMap::new(),
            body: String::new(),
        }
    }

    /// Whether the visit ended before this URL was asked.
    pub fn is_stop(&self) -> bool {
        self.status == 0
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The target of a redirect, absolute.
    pub fn location(&self) -> Option<Url> {
        if !(300..400).contains(&self.status) {
            return None;
        }
        self.url.join(self.header("location")?).ok()
    }

    /// A parameter of the URL's query, decoded.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.url
            .query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The value of the first form field of this name, unescaped.
    pub fn field(&self, name: &str) -> Option<String> {
        let wanted = format!("name=\"{name}\"");
        let tag = self.tags().find(|tag| tag.contains(&wanted))?;
        attribute(tag, "value")
    }

    /// The `action` of the page's first form, absolute.
    pub fn form_action(&self) -> Option<Url> {
        let form = self.tags().find(|tag| tag.starts_with("form"))?;
        match attribute(form, "action") {
            Some(action) => self.url.join(&action).ok(),
            None => Some(self.url.clone()),
        }
    }

    /// The text between `<` and `>` of every tag.
    fn tags(&self) -> impl Iterator<Item = &str> {
        self.body
            .split('<')
            .skip(1)
            .filter_map(|rest| rest.split_once('>'))
            .map(|(tag, _)| tag)
    }

    /// Where the page sends the browser, by status or by its `meta` element.
    pub(super) fn next_url(&self) -> Option<Url> {
        self.location().or_else(|| {
            let meta = self.tags().find(|tag| tag.contains("http-equiv=\"refresh\""))?;
            let content = attribute(meta, "content")?;
            let (_, target) = content.split_once("url=")?;
            self.url.join(target).ok()
        })
    }

    pub(super) fn is_nextcloud_login(&self) -> bool {
        self.status == 200 && self.body.contains("<form id=\"login\"")
    }

    pub(super) fn is_nextcloud_consent(&self) -> bool {
        self.status == 200 && self.body.contains("id=\"oidc-consent\"")
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
    let (value, _) = tag[start..].split_once('"')?;
    // Enough for what a form holds; a reference that is none stays as it is.
    Some(quick_xml::escape::unescape(value).map_or_else(|_| value.to_owned(), std::borrow::Cow::into_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_actions_and_refreshes_are_found() {
        let mut page = Page::not_visited(Url::parse("http://host/a/b").unwrap());
        page.status = 200;
        page.body = "<meta http-equiv=\"refresh\" content=\"0; url=/next?a=1&amp;b=2\">\
                     <form method=\"post\" action=\"c\"><input name=\"csrf\" value=\"x&quot;y\"></form>"
            .to_owned();
        assert_eq!(page.field("csrf").as_deref(), Some("x\"y"));
        assert_eq!(page.field("other"), None);
        assert_eq!(page.form_action().unwrap().as_str(), "http://host/a/c");
        assert_eq!(page.next_url().unwrap().as_str(), "http://host/next?a=1&b=2");
    }
}

//! Where a browser may be sent after a flow: nowhere but to the configured Nextcloud or to a page of this server
//! (case O06).

use crate::auth::oidc::OAuthUrls;
use url::Url;

/// Characters of a destination; browsers and proxies cut longer ones.
const MAX_LENGTH: usize = 2000;

/// The destination is not one of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the destination is neither at the configured Nextcloud nor at this server")]
pub struct NotAllowed;

/// An address at the configured Nextcloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReturnTo(Url);

impl ReturnTo {
    /// `sent`, when it is plainly an address at Nextcloud: its text begins with the origin itself, so that no user
    /// information, other port, backslash or odd spelling can make browser and server read different hosts.
    pub fn parse(sent: &str, urls: &OAuthUrls) -> Result<Self, NotAllowed> {
        if !is_plain(sent) {
            return Err(NotAllowed);
        }
        let url = Url::parse(sent).map_err(|_| NotAllowed)?;
        let rest = sent
            .strip_prefix(&url.origin().ascii_serialization())
            .ok_or(NotAllowed)?;
        let is_whole_origin = rest.is_empty() || rest.starts_with(['/', '?']);
        let is_allowed = is_whole_origin && url.fragment().is_none() && urls.is_at_nextcloud(&url);
        is_allowed.then_some(Self(url)).ok_or(NotAllowed)
    }

    /// The address, with the caller's own `state` when it gave one.
    pub fn with_state(&self, caller_state: Option<&str>) -> Url {
        let mut url = self.0.clone();
        if let Some(state) = caller_state {
            url.query_pairs_mut().append_pair("state", state);
        }
        url
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A path of this server, with its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPath(String);

impl LocalPath {
    /// `sent`, when no browser can read it as another host: one leading slash, no backslash, no control characters.
    pub fn parse(sent: &str) -> Result<Self, NotAllowed> {
        let is_path = is_plain(sent) && sent.starts_with('/') && !sent.starts_with("//");
        is_path.then(|| Self(sent.to_owned())).ok_or(NotAllowed)
    }

    /// The overview of one's own access.
    pub fn overview() -> Self {
        Self("/app".to_owned())
    }

    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Short, printable ASCII without backslash and spaces: browsers drop tabs and newlines and turn `\` into `/`.
fn is_plain(sent: &str) -> bool {
    sent.len() <= MAX_LENGTH && sent.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::consent::tests::urls;

    #[test]
    fn o06_only_addresses_at_nextcloud_are_returned_to() {
        for good in [
            "https://cloud.example.org",
            "https://cloud.example.org/settings/user/astrolabe",
            "https://cloud.example.org/index.php/apps/astrolabe/?a=b&c=%2F",
            "http://nextcloud.internal:8080/apps/x",
        ] {
            assert!(ReturnTo::parse(good, &urls()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/settings",
            "//cloud.example.org/",
            "https:cloud.example.org/",
            "https:/cloud.example.org/",
            "https:///cloud.example.org/",
            "http://cloud.example.org/",
            "https://cloud.example.org:444/",
            "https://cloud.example.org:443/",
            "https://cloud.example.org.evil.test/",
            "https://cloud.example.org@evil.test/",
            "https://user@cloud.example.org/",
            "https://user:pass@cloud.example.org/",
            "https://CLOUD.example.org/",
            "HTTPS://cloud.example.org/",
            "https://cloud.example.org/#https://evil.test",
            "https://cloud.example.org#evil",
            "https://cloud.example.org\\@evil.test/",
            "https://evil.test\\@cloud.example.org/",
            "https://evil.test/https://cloud.example.org/",
            "https://cloud.example.org%2eevil.test/",
            "https://cloud.example.org/\u{e4}",
            "https://clоud.example.org/",
            " https://cloud.example.org/",
            "https://cloud.example.org/\n",
            "java\tscript:alert(1)",
            "javascript:alert(1)//https://cloud.example.org",
            "data:text/html,x",
        ] {
            assert_eq!(ReturnTo::parse(bad, &urls()), Err(NotAllowed), "{bad:?}");
        }
        let long = format!("https://cloud.example.org/{}", "a".repeat(MAX_LENGTH));
        assert_eq!(ReturnTo::parse(&long, &urls()), Err(NotAllowed));
    }

    #[test]
    fn o06_next_stays_on_this_server() {
        for good in ["/app", "/app?done=revoked", "/", "/app/search?q=a%20b"] {
            assert_eq!(LocalPath::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "app",
            "//evil",
            "///evil",
            "https:evil",
            "https://evil",
            "/\\evil",
            "\\/evil",
            "/a\\b",
            "/\tevil",
            "/\n/evil",
            " /app",
            "/app ",
            "/\u{2f}/evil\r\n",
            "/ä",
        ] {
            assert_eq!(LocalPath::parse(bad), Err(NotAllowed), "{bad:?}");
        }
    }

    #[test]
    fn the_callers_state_goes_back_as_it_came() {
        let to = ReturnTo::parse("https://cloud.example.org/x?a=1", &urls()).unwrap();
        assert_eq!(
            to.with_state(Some("a b&c=<d>")).as_str(),
            "https://cloud.example.org/x?a=1&state=a+b%26c%3D%3Cd%3E"
        );
        assert_eq!(to.with_state(None).as_str(), to.as_str());
    }
}

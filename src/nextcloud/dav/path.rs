//! Paths below a user's root: strict encoding on the way out, strict decoding on the way in.

use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but the unreserved characters of RFC 3986.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// One path segment or query value, percent-encoded.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The root of one user's files.
#[derive(Debug, Clone)]
pub(super) struct FilesRoot {
    uid: String,
}

impl FilesRoot {
    /// Refuses a UID that is not one path segment.
    pub(super) fn of(user: &UserId) -> Result<Self, NextcloudError> {
        let uid = user.as_str();
        if uid.is_empty() || uid.contains('/') || !is_plain(uid) {
            return Err(refused("the user id cannot stand in a path"));
        }
        Ok(Self { uid: uid.to_owned() })
    }

    /// URL path of a file or folder.
    pub(super) fn url_path(&self, path: &str) -> Result<String, NextcloudError> {
        Ok(format!("/remote.php/dav{}", self.scope(path)?))
    }

    /// The same relative to the DAV root, as a SEARCH names its scope.
    pub(super) fn scope(&self, path: &str) -> Result<String, NextcloudError> {
        let mut encoded = format!("/files/{}", encode(&self.uid));
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            if !is_plain(segment) {
                return Err(refused(
                    "a path must not contain `.` or `..` segments or NUL characters",
                ));
            }
            encoded.push('/');
            encoded.push_str(&encode(segment));
        }
        Ok(encoded)
    }

    /// Path below the root that an href of an answer names. Nextcloud encodes with lower-case hex (facts §7), and
    /// whatever prefix a proxy puts before `/remote.php` does not matter: everything is compared decoded.
    pub(super) fn local_path(&self, href: &str) -> Result<String, NextcloudError> {
        let malformed = |why: &str| NextcloudError::Malformed(format!("an href {why}"));
        let path = match href.split_once("://") {
            Some((_scheme, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
            None => href,
        };
        let mut segments = Vec::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let decoded = percent_decode_str(segment)
                .decode_utf8()
                .map_err(|_invalid| malformed("is not UTF-8"))?;
            if !is_plain(&decoded) || decoded.contains('/') {
                return Err(malformed("has an impossible segment"));
            }
            segments.push(decoded);
        }
        let root = ["remote.php", "dav", "files", self.uid.as_str()];
        let start = segments
            .windows(root.len())
            .position(|window| window.iter().zip(root).all(|(have, want)| have == want))
            .ok_or_else(|| malformed("is not below the user's files"))?;
        Ok(format!("/{}", segments[start + root.len()..].join("/")))
    }
}

fn is_plain(segment: &str) -> bool {
    segment != "." && segment != ".." && !segment.contains('\0')
}

fn refused(message: &str) -> NextcloudError {
    NextcloudError::Rejected {
        status: 400,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn alice() -> FilesRoot {
        FilesRoot::of(&UserId::new("alice")).unwrap()
    }

    #[test]
    fn paths_are_encoded_segment_by_segment() {
        let root = FilesRoot::of(&UserId::new("ann @x")).unwrap();
        assert_eq!(root.url_path("/").unwrap(), "/remote.php/dav/files/ann%20%40x");
        assert_eq!(
            root.scope("a b//ü ö#?.md/").unwrap(),
            "/files/ann%20%40x/a%20b/%C3%BC%20%C3%B6%23%3F.md"
        );
        assert_eq!(
            root.scope("/100%25/..a").unwrap(),
            "/files/ann%20%40x/100%2525/..a"
        );
    }

    #[test]
    fn paths_that_climb_are_refused() {
        for path in ["..", "/a/../b", "a/.", "/./a", "a\0b", "/a/.."] {
            assert!(
                matches!(
                    alice().url_path(path),
                    Err(NextcloudError::Rejected { status: 400, .. })
                ),
                "{path:?}"
            );
        }
        for uid in ["", "..", "a/b", "a\0"] {
            assert!(FilesRoot::of(&UserId::new(uid)).is_err(), "{uid:?}");
        }
    }

    #[test]
    fn hrefs_are_decoded_whatever_stands_before_the_root() {
        let local = |href: &str| alice().local_path(href);
        assert_eq!(
            local("/remote.php/dav/files/alice/rec/%c3%bc%20%c3%b6%23%3f.md").unwrap(),
            "/rec/ü ö#?.md"
        );
        assert_eq!(local("/nextcloud/remote.php/dav/files/alice/").unwrap(), "/");
        assert_eq!(
            local("https://c.example.test/n/remote.php/dav/files/%61lice/a").unwrap(),
            "/a"
        );
        assert_eq!(
            local("/remote.php/dav/files/alice/remote.php/dav/files/alice/x").unwrap(),
            "/remote.php/dav/files/alice/x"
        );
    }

    #[test]
    fn foreign_and_impossible_hrefs_are_malformed() {
        for href in [
            "/remote.php/dav/files/bob/a",
            "/remote.php/dav/files/alice%2fa",
            "/remote.php/dav/files/alice/a%2fb",
            "/remote.php/dav/files/alice/%2e%2e/b",
            "/remote.php/dav/files/alice/%ff",
            "",
        ] {
            assert!(
                matches!(alice().local_path(href), Err(NextcloudError::Malformed(_))),
                "{href}"
            );
        }
    }

    proptest! {
        #[test]
        fn what_is_sent_is_what_comes_back(segments in proptest::collection::vec("[^/\0]{1,12}", 0..4)) {
            prop_assume!(segments.iter().all(|s| s != "." && s != ".."));
            let path = format!("/{}", segments.join("/"));
            let sent = alice().url_path(&path).unwrap();
            prop_assert_eq!(alice().local_path(&sent).unwrap(), path.clone());
            // The URL parser must not see dot segments or separators in it either.
            let url = url::Url::parse(&format!("http://h{sent}")).unwrap();
            prop_assert_eq!(url.path(), sent);
        }
    }
}

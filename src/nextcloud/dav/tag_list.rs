//! The list of system tags: the properties `oc:id` and `oc:display-name` of each `d:response`. A list that is cut off, or
//! has a tag without id, name or status 200, is an error: a tag that is overlooked would lift an exclusion.

use super::SystemTag;
use crate::nextcloud::NextcloudError;
use crate::nextcloud::groupware::multistatus::{self, OWNCLOUD, malformed};

/// End of the list's own address, which has no number behind it as the tags have.
const COLLECTION: &str = "/systemtags";

/// Reads the document.
pub(super) fn parse(body: &[u8]) -> Result<Vec<SystemTag>, NextcloudError> {
    let mut tags = Vec::new();
    for response in multistatus::parse(body)?.responses {
        let id = response.value(OWNCLOUD, "id");
        // The collection itself has no id.
        if id.is_none() && response.href.trim_end_matches('/').ends_with(COLLECTION) {
            continue;
        }
        if response.status.is_some_and(|status| status != 200) {
            return Err(malformed("a tag could not be read"));
        }
        let id = id.ok_or_else(|| malformed("a tag has no id"))?;
        let id = id.trim().parse();
        let name = response.value(OWNCLOUD, "display-name");
        tags.push(SystemTag {
            id: id.map_err(|_invalid| malformed("the id of a tag is not a number"))?,
            name: name.ok_or_else(|| malformed("a tag has no name"))?.to_owned(),
        });
    }
    Ok(tags)
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

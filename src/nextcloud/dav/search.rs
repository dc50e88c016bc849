//! SEARCH.

use super::list::dav_method;
use super::path::FilesRoot;
use super::property::{NAMESPACES, REQUESTED};
use super::{DavEntry, FileQuery, multistatus};
use crate::nextcloud::http::Call;
use crate::nextcloud::{NextcloudError, UserSession};
use quick_xml::escape::escape;
use reqwest::StatusCode;
use std::fmt::Write as _;

/// Conditions that one request may have; 101 are a 500 (facts §7).
const MAX_CONDITIONS: usize = 100;

impl UserSession {
    /// SEARCH. At most 100 conditions fit one request: file ids and the others together.
    pub async fn search_files(&self, query: &FileQuery) -> Result<Vec<DavEntry>, NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        let call = Call::new(dav_method(b"SEARCH")?, "/remote.php/dav/")
            .header("content-type", "text/xml; charset=utf-8")?
            .body(request(query, &root)?);
        let answer = self.send(call).await?.only(&[StatusCode::MULTI_STATUS])?;
        let mut entries = Vec::new();
        multistatus::read(answer.stream(), &root, &mut |entry| entries.push(entry)).await?;
        Ok(entries)
    }
}

/// The request's XML. Every value is escaped.
fn request(query: &FileQuery, root: &FilesRoot) -> Result<String, NextcloudError> {
    let scope = root.scope(&query.scope)?;
    let conditions = conditions(query)?;
    let mut limit = format!("<d:nresults>{}</d:nresults>", query.limit.max(1));
    if query.offset > 0 {
        // The SearchDAV library reads the offset in its own namespace.
        let _ = write!(
            limit,
            "<s:firstresult xmlns:s=\"https://github.com/icewind1991/SearchDAV/ns\">{0}</s:firstresult>\
             <nc:firstresult>{0}</nc:firstresult>",
            query.offset
        );
    }
    Ok(format!(
        "<?xml version=\"1.0\"?><d:searchrequest {NAMESPACES}><d:basicsearch><d:select>{REQUESTED}</d:select>\
         <d:from><d:scope><d:href>{}</d:href><d:depth>infinity</d:depth></d:scope></d:from>\
         <d:where>{conditions}</d:where>\
         <d:orderby><d:order><d:prop><d:getlastmodified/></d:prop><d:descending/></d:order></d:orderby>\
         <d:limit>{limit}</d:limit></d:basicsearch></d:searchrequest>",
        escape(&scope)
    ))
}

fn conditions(query: &FileQuery) -> Result<String, NextcloudError> {
    let compare = |operator: &str, property: &str, value: &str| {
        format!(
            "<d:{operator}><d:prop><{property}/></d:prop><d:literal>{}</d:literal></d:{operator}>",
            escape(value)
        )
    };
    let mut all = Vec::new();
    if let Some(name) = &query.name_like {
        all.push(compare("like", "d:displayname", name));
    }
    if let Some(mime) = &query.mime_like {
        all.push(compare("like", "d:getcontenttype", mime));
    }
    if query.favorites_only {
        all.push(compare("eq", "oc:favorite", "1"));
    }
    if all.len() + query.file_ids.len() > MAX_CONDITIONS {
        return Err(refused("more than 100 conditions in one search"));
    }
    match query.file_ids.as_slice() {
        [] => {}
        [id] => all.push(compare("eq", "oc:fileid", &id.to_string())),
        ids => {
            let any: String = ids
                .iter()
                .map(|id| compare("eq", "oc:fileid", &id.to_string()))
                .collect();
            all.push(format!("<d:or>{any}</d:or>"));
        }
    }
    Ok(match all.as_slice() {
        // A search without a condition is a 400.
        [] => compare("like", "d:displayname", "%"),
        [one] => one.clone(),
        several => format!("<d:and>{}</d:and>", several.concat()),
    })
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
    use crate::ids::UserId;

    fn xml(query: &FileQuery) -> Result<String, NextcloudError> {
        request(query, &FilesRoot::of(&UserId::new("alice")).unwrap())
    }

    #[test]
    fn values_cannot_leave_their_element() {
        let query = FileQuery {
            scope: "/a&b<c".to_owned(),
            name_like: Some("</d:literal><d:x>&e;%".to_owned()),
            limit: 5,
            ..FileQuery::default()
        };
        let xml = xml(&query).unwrap();
        assert!(
            xml.contains("<d:literal>&lt;/d:literal&gt;&lt;d:x&gt;&amp;e;%</d:literal>"),
            "{xml}"
        );
        assert!(xml.contains("<d:href>/files/alice/a%26b%3Cc</d:href>"), "{xml}");
        assert!(
            xml.contains("<d:limit><d:nresults>5</d:nresults></d:limit>"),
            "{xml}"
        );
    }

    #[test]
    fn conditions_are_joined() {
        let query = FileQuery {
            mime_like: Some("text/%".to_owned()),
            favorites_only: true,
            file_ids: vec![1, 2],
            limit: 5000,
            offset: 10_000,
            ..FileQuery::default()
        };
        let xml = xml(&query).unwrap();
        for part in [
            "<d:where><d:and><d:like><d:prop><d:getcontenttype/></d:prop><d:literal>text/%</d:literal></d:like>",
            "<d:eq><d:prop><oc:favorite/></d:prop><d:literal>1</d:literal></d:eq><d:or><d:eq>",
            "<d:literal>2</d:literal></d:eq></d:or></d:and></d:where>",
            "SearchDAV/ns\">10000</s:firstresult>",
        ] {
            assert!(xml.contains(part), "{part} in {xml}");
        }
    }

    #[test]
    fn an_empty_query_still_has_a_condition_and_a_limit() {
        let xml = xml(&FileQuery::default()).unwrap();
        assert!(
            xml.contains("<d:literal>%</d:literal>") && xml.contains("<d:nresults>1</d:nresults>"),
            "{xml}"
        );
    }

    #[test]
    fn the_operator_limit_holds_before_anything_is_sent() {
        let ids = |count| FileQuery {
            file_ids: (0..count).collect(),
            limit: 100,
            ..FileQuery::default()
        };
        assert!(xml(&ids(100)).is_ok());
        assert!(matches!(
            xml(&ids(101)),
            Err(NextcloudError::Rejected { status: 400, .. })
        ));
        let with_name = FileQuery {
            name_like: Some("%".to_owned()),
            ..ids(100)
        };
        assert!(xml(&with_name).is_err());
    }
}

//! System tags (facts §7). Tagging changes no `ETag`, so whoever depends on tags asks for them.

use super::list::dav_method;
use super::path::FilesRoot;
use super::property::{NAMESPACES, REQUESTED};
use super::{DavEntry, multistatus, tag_list};
use crate::nextcloud::http::Call;
use crate::nextcloud::{NextcloudError, UserSession};
use reqwest::StatusCode;

/// Largest list of tags, in bytes.
const LIST_LIMIT: u64 = 16 * 1024 * 1024;

/// A system tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemTag {
    /// Id.
    pub id: i64,
    /// Name, unique for people.
    pub name: String,
}

impl UserSession {
    /// The tags that this user sees: one PROPFIND, Depth 1. Invisible ones are shown to administrators only.
    pub async fn system_tags(&self) -> Result<Vec<SystemTag>, NextcloudError> {
        let call = Call::new(dav_method(b"PROPFIND")?, "/remote.php/dav/systemtags/")
            .header("depth", "1")?
            .header("content-type", "application/xml; charset=utf-8")?
            .body(format!(
                "<?xml version=\"1.0\"?><d:propfind {NAMESPACES}><d:prop><oc:id/><oc:display-name/></d:prop></d:propfind>"
            ));
        let answer = self.send(call).await?.only(&[StatusCode::MULTI_STATUS])?;
        tag_list::parse(&answer.bytes(LIST_LIMIT).await?)
    }

    /// Files and folders with the tag, as this user sees them: one REPORT. A tag that does not exist is
    /// [`NextcloudError::PreconditionFailed`].
    pub async fn tagged_files(&self, tag: i64) -> Result<Vec<DavEntry>, NextcloudError> {
        let root = FilesRoot::of(self.user())?;
        let call = Call::new(dav_method(b"REPORT")?, root.url_path("/")?)
            .header("content-type", "application/xml; charset=utf-8")?
            .body(format!(
                "<?xml version=\"1.0\"?><oc:filter-files {NAMESPACES}>{REQUESTED}<oc:filter-rules>\
                 <oc:systemtag>{tag}</oc:systemtag></oc:filter-rules></oc:filter-files>"
            ))
            .streamed();
        let answer = self.send(call).await?.only(&[StatusCode::MULTI_STATUS])?;
        let mut entries = Vec::new();
        multistatus::read(answer.stream(), &root, &mut |entry| entries.push(entry)).await?;
        Ok(entries)
    }
}

//! `WebDAV` files (facts §7). Paths are decoded, relative to the user's root and start with `/`.

mod change;
mod list;
mod multistatus;
mod parser;
mod path;
mod property;
mod search;
mod tag_list;
mod tags;
mod transfer;
mod xml_stream;

pub use tags::SystemTag;

pub(super) use list::dav_method;
pub(super) use parser::resolve_reference;
pub(super) use transfer::read_download;

use super::NextcloudError;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::stream::BoxStream;

/// `Depth` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The resource.
    Zero,
    /// And its children.
    One,
    /// And everything below.
    Infinity,
}

/// A file or folder as PROPFIND and SEARCH list it.
#[derive(Debug, Clone, PartialEq)]
pub struct DavEntry {
    /// `oc:fileid`; the same for owner and recipients of a share.
    pub file_id: i64,
    /// Path below the user's root, decoded, `/` for the root, no trailing slash otherwise.
    pub path: String,
    /// A collection.
    pub is_folder: bool,
    /// `ETag` without quotes; empty when Nextcloud sends none, which never counts as unchanged.
    pub etag: String,
    /// Bytes; for folders the sum.
    pub size: u64,
    /// MIME type of a file.
    pub content_type: Option<String>,
    /// Last modification.
    pub last_modified: Option<DateTime<Utc>>,
    /// `oc:permissions`, such as `RGDNVW`; `G` = may be read.
    pub permissions: String,
    /// Downloading is disabled by `nc:share-attributes`.
    pub download_disabled: bool,
    /// `oc:favorite`.
    pub favorite: bool,
    /// `oc:owner-id`.
    pub owner: Option<String>,
    /// The suffix of `oc:id`: the instance.
    pub instance_id: Option<String>,
}

impl DavEntry {
    /// Whether this user may read the content through this server: `G` and downloading not disabled.
    pub fn is_readable(&self) -> bool {
        self.permissions.contains('G') && !self.download_disabled
    }

    /// Last path segment.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// A downloaded body, bounded by the caller's limit.
#[derive(Debug, Clone)]
pub struct Download {
    /// The content.
    pub bytes: Bytes,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `ETag` without quotes.
    pub etag: Option<String>,
    /// Last modification.
    pub last_modified: Option<DateTime<Utc>>,
}

/// A file whose content is still on its way.
pub struct OpenFile {
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `ETag` without quotes.
    pub etag: Option<String>,
    /// Last modification.
    pub last_modified: Option<DateTime<Utc>>,
    /// Bytes, when Nextcloud told.
    pub length: Option<u64>,
    /// The content, piece by piece. An error is its last item: nothing may be concluded from what came before.
    pub content: BoxStream<'static, Result<Bytes, NextcloudError>>,
}

impl std::fmt::Debug for OpenFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenFile")
            .field("content_type", &self.content_type)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}

/// Condition on the target of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// None.
    Any,
    /// `If-Match: "etag"`.
    Matches(String),
    /// `If-None-Match: *`.
    Absent,
}

/// What a PUT did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutOutcome {
    /// 201 rather than 204.
    pub created: bool,
    /// New `ETag` without quotes.
    pub etag: Option<String>,
}

/// A SEARCH below a folder; conditions are joined by AND.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileQuery {
    /// Folder to search below; empty = everything.
    pub scope: String,
    /// `like` on the display name, `%` and `_` as wildcards.
    pub name_like: Option<String>,
    /// `like` on the MIME type, such as `image/%`.
    pub mime_like: Option<String>,
    /// Only favourites.
    pub favorites_only: bool,
    /// Only these file ids: at most 100 in one request (facts §7).
    pub file_ids: Vec<i64>,
    /// At most this many results (SEARCH without a limit silently returns 100).
    pub limit: u32,
    /// Results to leave out before the first.
    pub offset: u32,
}

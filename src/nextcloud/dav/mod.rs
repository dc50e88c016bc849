//! `WebDAV` files (facts §7). Paths are decoded, relative to the user's root and start with `/`.

mod change;
mod list;
mod multistatus;
mod parser;
mod path;
mod property;
mod search;
mod transfer;
mod xml_stream;

pub(super) use parser::resolve_reference;
pub(super) use transfer::read_download;

use bytes::Bytes;
use chrono::{DateTime, Utc};

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

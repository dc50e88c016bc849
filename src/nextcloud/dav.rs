//! WebDAV files (facts §7). Paths are decoded, relative to the user's root and start with `/`.

use super::{NextcloudError, UserSession};
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
    /// ETag without quotes.
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
    /// ETag without quotes.
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
    /// New ETag without quotes.
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

impl UserSession {
    /// PROPFIND; the resource itself comes first. A cut or partial 207 is [`NextcloudError::Malformed`].
    pub async fn propfind(&self, path: &str, depth: Depth) -> Result<Vec<DavEntry>, NextcloudError> {
        let _ = (path, depth);
        todo!()
    }

    /// PROPFIND that hands out entries as they arrive, so that a listing of any size needs little memory.
    /// `visit` runs for each entry; an error after some entries means that the listing is incomplete.
    pub async fn propfind_each(
        &self,
        path: &str,
        depth: Depth,
        visit: &mut (dyn FnMut(DavEntry) + Send),
    ) -> Result<(), NextcloudError> {
        let _ = (path, depth, visit);
        todo!()
    }

    /// SEARCH.
    pub async fn search_files(&self, query: &FileQuery) -> Result<Vec<DavEntry>, NextcloudError> {
        let _ = query;
        todo!()
    }

    /// GET of a file, at most `limit` bytes; more → [`NextcloudError::TooLarge`].
    pub async fn download(&self, path: &str, limit: u64) -> Result<Download, NextcloudError> {
        let _ = (path, limit);
        todo!()
    }

    /// PUT.
    pub async fn upload(
        &self,
        path: &str,
        content: Bytes,
        content_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<PutOutcome, NextcloudError> {
        let _ = (path, content, content_type, precondition);
        todo!()
    }

    /// MKCOL; `false` when the folder exists already (405).
    pub async fn create_folder(&self, path: &str) -> Result<bool, NextcloudError> {
        let _ = path;
        todo!()
    }

    /// DELETE.
    pub async fn delete(&self, path: &str) -> Result<(), NextcloudError> {
        let _ = path;
        todo!()
    }

    /// MOVE; `true` when an existing target was replaced. `target_etag` guards the target.
    pub async fn move_to(
        &self,
        from: &str,
        to: &str,
        overwrite: bool,
        target_etag: Option<&str>,
    ) -> Result<bool, NextcloudError> {
        let _ = (from, to, overwrite, target_etag);
        todo!()
    }

    /// COPY; as [`UserSession::move_to`].
    pub async fn copy_to(
        &self,
        from: &str,
        to: &str,
        overwrite: bool,
        target_etag: Option<&str>,
    ) -> Result<bool, NextcloudError> {
        let _ = (from, to, overwrite, target_etag);
        todo!()
    }
}

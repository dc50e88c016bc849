//! Shapes that several file tools share.

use crate::mcp::Links;
use crate::nextcloud::DavEntry;
use chrono::SecondsFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A file or folder.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FileInfo {
    name: String,
    path: String,
    is_directory: bool,
    size: Option<u64>,
    content_type: Option<String>,
    last_modified: Option<String>,
    etag: Option<String>,
    file_id: Option<i64>,
    is_favorite: Option<bool>,
    url: Option<String>,
}

impl FileInfo {
    pub(super) fn new(entry: &DavEntry, links: &Links) -> Self {
        Self {
            name: entry.name().to_owned(),
            path: entry.path.clone(),
            is_directory: entry.is_folder,
            size: Some(entry.size),
            content_type: entry.content_type.clone(),
            last_modified: entry
                .last_modified
                .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)),
            etag: Some(entry.etag.clone()),
            file_id: Some(entry.file_id),
            is_favorite: Some(entry.favorite),
            url: Some(links.file(entry.file_id)),
        }
    }
}

/// Arguments of the tools that take a path only.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PathOnly {
    /// Path from the root of the user's files, such as `Documents/plan.md`.
    pub(super) path: String,
}

/// What a change of a path did, as an HTTP status.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PathStatus {
    pub(super) status_code: u16,
    pub(super) message: Option<String>,
}

/// An etag as it is sent: without quotes, as the listings show it.
pub(super) fn bare_etag(etag: Option<&String>) -> Option<String> {
    etag.map(|etag| etag.trim().trim_matches('"').to_owned())
        .filter(|etag| !etag.is_empty())
}

//! Where documents come from. One file per kind; everything behind [`Source`] is the same for all.

mod files;
mod notes;

pub use files::FilesSource;
pub use notes::{BULK_PAGE, BulkPage, bulk_page, bulk_pays};

use super::{Remote, SyncError};
use crate::nextcloud::NextcloudError;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::HashMap;

/// One document as a listing shows it to one reader.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedItem {
    /// Id within the family.
    pub native_id: String,
    /// Version.
    pub etag: String,
    /// MIME type.
    pub mime_type: Option<String>,
    /// Bytes.
    pub size: i64,
    /// Last modification.
    pub modified: Option<DateTime<Utc>>,
    /// `note`, `file` … to this reader.
    pub doc_type: &'static str,
    /// This reader's path.
    pub path: String,
    /// This reader's title.
    pub title: String,
    /// Why no text can be had, known without a download.
    pub skip: Option<&'static str>,
}

/// What the last complete scan left behind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownState {
    /// `ETag` of the root; `None` forces a full walk.
    pub root_etag: Option<String>,
    /// Folder `ETags` by path.
    pub folders: HashMap<String, String>,
    /// The notes folder; when it moved, folder `ETags` say nothing about what is a note.
    pub notes_path: Option<String>,
    /// Trust no folder `ETag` this time.
    pub full_walk: bool,
}

/// What a listing covered. Only items below what was listed may be concluded to be missing.
#[derive(Debug, Clone, PartialEq)]
pub enum Coverage {
    /// Nothing changed since the last complete scan.
    Unchanged,
    /// Everything was listed.
    Everything {
        /// `ETag` of the root when the listing began.
        root_etag: String,
        /// `ETags` of all folders.
        folders: HashMap<String, String>,
    },
    /// Only what changed was listed.
    Changes {
        /// `ETag` of the root when the listing began.
        root_etag: String,
        /// Folders whose children were listed.
        listed: Vec<String>,
        /// Folders that are gone, with everything below.
        vanished: Vec<String>,
        /// New `ETags` of folders.
        folders: HashMap<String, String>,
    },
}

/// What a listing tells while it runs.
pub enum Event {
    /// The instance id of the Nextcloud that answers; comes before any item.
    Instance(String),
    /// The notes folder of this user; `None` when the Notes app is away.
    NotesPath(Option<String>),
    /// A document.
    Item(ListedItem),
}

/// Receives the listing while it runs.
pub type Sink<'a> = &'a mut (dyn FnMut(Event) + Send);

/// A wanted document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedItem {
    /// Id within the family.
    pub native_id: String,
    /// The reader's path.
    pub path: String,
}

/// The content of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The bytes, to be extracted.
    pub bytes: Bytes,
    /// MIME type, where the answer names one better than the listing.
    pub mime_type: Option<String>,
}

/// A kind of documents.
#[async_trait]
pub trait Source: Send + Sync {
    /// Name in the table `scans`.
    fn name(&self) -> &'static str;

    /// Family in the document key.
    fn family(&self) -> &'static str;

    /// Lists what changed since `known`. An error after some items means that nothing may be concluded from
    /// what was not named.
    async fn list(
        &self,
        remote: &dyn Remote,
        known: &KnownState,
        sink: Sink<'_>,
    ) -> Result<Coverage, SyncError>;

    /// The content of one document.
    async fn fetch(&self, remote: &dyn Remote, item: &WantedItem) -> Result<Content, NextcloudError>;

    /// The version of everything, to be compared with [`Coverage`]'s: whether the tree stood still meanwhile.
    async fn version(&self, remote: &dyn Remote) -> Result<String, NextcloudError>;
}

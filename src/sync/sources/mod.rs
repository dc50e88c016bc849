//! Where documents come from. One file per kind; everything behind [`Source`] is the same for all.
//!
//! A source lists either by folders, whose paths tell what was covered (files), or by parts (a calendar, an address
//! book), whose names stand beside each document. To add one: implement [`Source`], name it in [`SOURCES`], put it into
//! [`all`], and give the search its family (`crate::search::Family`).

mod deck;
mod files;
mod groupware;
mod notes;
mod tables;
mod tags;

pub use deck::DeckSource;
pub use files::FilesSource;
pub use groupware::GroupwareSource;
pub use notes::{BULK_PAGE, BulkPage, bulk_page, bulk_pays};
pub use tables::TablesSource;

use super::{Remote, SyncError};
use crate::config::SyncConfig;
use crate::nextcloud::{NextcloudError, OpenFile};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, stream};
use std::collections::HashMap;
use std::sync::Arc;

/// Names of all sources, as they stand in the table `scans`. What a webhook tells of another one is dropped.
pub const SOURCES: &[&str] = &["files", "calendar", "contacts", "deck", "tables"];

/// Name of the source of a family's documents; `None` when no source here has such documents.
pub fn source_of(family: &str) -> Option<&'static str> {
    match family {
        "file" => Some("files"),
        "calendar" => Some("calendar"),
        "contact" => Some("contacts"),
        "deck_card" => Some("deck"),
        "table_row" => Some("tables"),
        _ => None,
    }
}

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
    /// The part of the source that holds it, the same for all readers; empty for files.
    pub part: String,
    /// This reader's title.
    pub title: String,
    /// It is found by its words only: no dense vectors are made.
    pub keyword_only: bool,
    /// Why no text can be had, known without a download.
    pub skip: Option<&'static str>,
}

/// A file that its tags keep out of the index for everybody, at one place where a listing shows it to one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExcludedFile {
    /// Id within the family.
    pub native_id: String,
    /// This user's path.
    pub path: String,
}

/// What the last complete scan left behind.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownState {
    /// `ETag` of the root; `None` forces a full walk.
    pub root_etag: Option<String>,
    /// Folder `ETags` by path.
    pub folders: HashMap<String, String>,
    /// Versions of the parts, as [`Coverage::Parts`] named them.
    pub parts: HashMap<String, String>,
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
    /// A source of parts was listed. Parts that it does not name are gone, with everything in them.
    Parts {
        /// Version of everything when the listing began.
        version: String,
        /// Every part that is there, with its version.
        parts: HashMap<String, String>,
        /// Parts of which everything was listed.
        listed: Vec<String>,
        /// Native ids that are gone from other parts.
        gone: Vec<String>,
    },
    /// Nextcloud says clearly that the source is not there for this user, and why, in words for people. Nothing is left
    /// of it once a second scan says so too: an app may be switched off for a moment only. An answer that is less than
    /// clear (404 without more, 5xx) is an error in place of this.
    Absent(String),
}

impl Coverage {
    /// Version of everything when the listing began; `None` when nothing was compared.
    pub(super) fn version(&self) -> Option<&str> {
        match self {
            Self::Unchanged | Self::Absent(_) => None,
            Self::Everything { root_etag, .. } | Self::Changes { root_etag, .. } => Some(root_etag),
            Self::Parts { version, .. } => Some(version),
        }
    }

    /// Whether everything there is was listed.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Self::Everything { .. } => true,
            Self::Parts { parts, listed, .. } => parts.keys().all(|part| listed.contains(part)),
            Self::Unchanged | Self::Changes { .. } | Self::Absent(_) => false,
        }
    }
}

/// What a listing tells while it runs.
pub enum Event {
    /// The instance id of the Nextcloud that answers, before any item. A source that cannot tell leaves it out, and the
    /// scan asks.
    Instance(String),
    /// The notes folder of this user; `None` when the Notes app is away.
    NotesPath(Option<String>),
    /// A document.
    Item(ListedItem),
    /// A file that is to be in nobody's search.
    Excluded(ExcludedFile),
}

/// Receives the listing while it runs.
pub type Sink<'a> = &'a mut (dyn FnMut(Event) + Send);

/// A wanted document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedItem {
    /// Id within the family.
    pub native_id: String,
    /// Version that the listing showed.
    pub etag: String,
    /// The reader's path.
    pub path: String,
    /// The part of the source that holds it, for this reader.
    pub part: String,
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

    /// The contents of several documents by native id, for sources that can ask for many at once. What is missing is
    /// fetched one by one, and an error is judged there.
    async fn fetch_many(
        &self,
        _remote: &dyn Remote,
        _items: &[WantedItem],
    ) -> Result<HashMap<String, Content>, NextcloudError> {
        Ok(HashMap::new())
    }

    /// The content of one document piece by piece; with `first` only so many bytes are wanted.
    async fn open(
        &self,
        remote: &dyn Remote,
        item: &WantedItem,
        _first: Option<u64>,
    ) -> Result<OpenFile, NextcloudError> {
        let content = self.fetch(remote, item).await?;
        Ok(OpenFile {
            content_type: content.mime_type,
            etag: None,
            last_modified: None,
            length: Some(content.bytes.len() as u64),
            content: stream::iter([Ok(content.bytes)]).boxed(),
        })
    }

    /// The version of everything, to be compared with [`Coverage`]'s: whether the tree stood still meanwhile.
    async fn version(&self, remote: &dyn Remote) -> Result<String, NextcloudError>;
}

/// Every source of this server.
pub fn all(config: &SyncConfig) -> Vec<Arc<dyn Source>> {
    vec![
        Arc::new(FilesSource {
            max_file_size: config.max_file_size,
            tags: config.tags.clone(),
        }),
        Arc::new(GroupwareSource::calendars()),
        Arc::new(GroupwareSource::address_books()),
        Arc::new(DeckSource),
        Arc::new(TablesSource),
    ]
}

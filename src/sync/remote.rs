//! The part of Nextcloud that the sync uses, in the name of one user.
//!
//! [`UserSession`] is the real one; tests put a made-up tree in its place.

mod apps;

pub use apps::AppRemote;

use crate::auth::{CredentialError, CredentialProvider, Rejection};
use crate::ids::UserId;
use crate::nextcloud::groupware::{Collection, CollectionChanges, CollectionKind, CollectionObject, Objects};
use crate::nextcloud::{
    DavEntry, Depth, Download, NextcloudError, NotesPage, OpenFile, SystemTag, UserSession,
};
use async_trait::async_trait;
use futures::{StreamExt, stream};
use std::sync::Arc;

/// What one user sees of Nextcloud.
#[async_trait]
pub trait Remote: AppRemote {
    /// Whose view it is.
    fn reader(&self) -> UserId;

    /// The file or folder itself: one PROPFIND, Depth 0.
    async fn entry(&self, path: &str) -> Result<DavEntry, NextcloudError>;

    /// A folder's children, without the folder: one PROPFIND, Depth 1.
    async fn children(&self, path: &str) -> Result<Vec<DavEntry>, NextcloudError>;

    /// Everything below `path`, itself first, handed out as it arrives: one PROPFIND, Depth infinity.
    async fn walk(&self, path: &str, visit: &mut (dyn FnMut(DavEntry) + Send)) -> Result<(), NextcloudError>;

    /// The content of a file, at most `limit` bytes.
    async fn download(&self, path: &str, limit: u64) -> Result<Download, NextcloudError>;

    /// The content of a file piece by piece, at most `limit` bytes; with `first` only so many are wanted.
    async fn open(&self, path: &str, limit: u64, _first: Option<u64>) -> Result<OpenFile, NextcloudError> {
        let download = self.download(path, limit).await?;
        Ok(OpenFile {
            content_type: download.content_type,
            etag: download.etag,
            last_modified: download.last_modified,
            length: Some(download.bytes.len() as u64),
            content: stream::iter([Ok(download.bytes)]).boxed(),
        })
    }

    /// Folder of the notes, such as `Notes`; `None` when the Notes app is away or not for this user.
    async fn notes_path(&self) -> Result<Option<String>, NextcloudError>;

    /// Notes with content, `size` at a time.
    async fn notes_page(&self, size: u32, cursor: Option<&str>) -> Result<NotesPage, NextcloudError>;

    /// The system tags that this user sees.
    async fn system_tags(&self) -> Result<Vec<SystemTag>, NextcloudError>;

    /// Files and folders with a tag.
    async fn tagged(&self, tag: i64) -> Result<Vec<DavEntry>, NextcloudError>;

    /// The calendars or address books: one PROPFIND.
    async fn collections(&self, kind: CollectionKind) -> Result<Vec<Collection>, NextcloudError>;

    /// What changed in a collection since `token`: one REPORT.
    async fn collection_changes(
        &self,
        kind: CollectionKind,
        uri: &str,
        token: &str,
    ) -> Result<CollectionChanges, NextcloudError>;

    /// Objects of a collection: one REPORT.
    async fn collection_objects(
        &self,
        kind: CollectionKind,
        uri: &str,
        wanted: Objects<'_>,
    ) -> Result<Vec<CollectionObject>, NextcloudError>;
}

#[async_trait]
impl Remote for UserSession {
    fn reader(&self) -> UserId {
        self.user().clone()
    }

    async fn entry(&self, path: &str) -> Result<DavEntry, NextcloudError> {
        let mut entries = self.propfind(path, Depth::Zero).await?;
        if entries.is_empty() {
            return Err(NextcloudError::Malformed(format!(
                "PROPFIND named nothing for {path}"
            )));
        }
        Ok(entries.swap_remove(0))
    }

    async fn children(&self, path: &str) -> Result<Vec<DavEntry>, NextcloudError> {
        let mut entries = self.propfind(path, Depth::One).await?;
        if entries.is_empty() {
            return Err(NextcloudError::Malformed(format!(
                "PROPFIND named nothing for {path}"
            )));
        }
        entries.remove(0);
        Ok(entries)
    }

    async fn walk(&self, path: &str, visit: &mut (dyn FnMut(DavEntry) + Send)) -> Result<(), NextcloudError> {
        self.propfind_each(path, Depth::Infinity, visit).await
    }

    async fn download(&self, path: &str, limit: u64) -> Result<Download, NextcloudError> {
        UserSession::download(self, path, limit).await
    }

    async fn open(&self, path: &str, limit: u64, first: Option<u64>) -> Result<OpenFile, NextcloudError> {
        match first {
            Some(first) => self.open_beginning(path, first).await,
            None => self.open_file(path, limit).await,
        }
    }

    async fn notes_path(&self) -> Result<Option<String>, NextcloudError> {
        match self.note_settings().await {
            Ok(settings) => Ok(Some(settings.notes_path)),
            Err(NextcloudError::NotFound(_) | NextcloudError::Forbidden(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn notes_page(&self, size: u32, cursor: Option<&str>) -> Result<NotesPage, NextcloudError> {
        UserSession::notes_page(self, size, cursor, true).await
    }

    async fn system_tags(&self) -> Result<Vec<SystemTag>, NextcloudError> {
        UserSession::system_tags(self).await
    }

    async fn tagged(&self, tag: i64) -> Result<Vec<DavEntry>, NextcloudError> {
        self.tagged_files(tag).await
    }

    async fn collections(&self, kind: CollectionKind) -> Result<Vec<Collection>, NextcloudError> {
        UserSession::collections(self, kind).await
    }

    async fn collection_changes(
        &self,
        kind: CollectionKind,
        uri: &str,
        token: &str,
    ) -> Result<CollectionChanges, NextcloudError> {
        UserSession::collection_changes(self, kind, uri, token).await
    }

    async fn collection_objects(
        &self,
        kind: CollectionKind,
        uri: &str,
        wanted: Objects<'_>,
    ) -> Result<Vec<CollectionObject>, NextcloudError> {
        UserSession::collection_objects(self, kind, uri, wanted).await
    }
}

/// Opens [`Remote`]s for users.
#[async_trait]
pub trait Remotes: Send + Sync {
    /// What `user` sees.
    async fn open(&self, user: &UserId) -> Result<Arc<dyn Remote>, CredentialError>;

    /// Nextcloud refused this user's credential: it is dropped and never tried again, unless it had been replaced.
    async fn rejected(&self, user: &UserId) -> Result<Rejection, CredentialError>;
}

/// [`Remotes`] over the background credentials.
pub struct CredentialRemotes(pub Arc<dyn CredentialProvider>);

#[async_trait]
impl Remotes for CredentialRemotes {
    async fn open(&self, user: &UserId) -> Result<Arc<dyn Remote>, CredentialError> {
        // Tells now whether there is a credential at all.
        self.0.session_for(user).await?;
        Ok(Arc::new(FreshSessions {
            credentials: self.0.clone(),
            user: user.clone(),
        }))
    }

    async fn rejected(&self, user: &UserId) -> Result<Rejection, CredentialError> {
        self.0.rejected(user).await
    }
}

/// A session per request: a scan may outlive an access token, and an expired one must never be sent (facts §0 row 1).
struct FreshSessions {
    credentials: Arc<dyn CredentialProvider>,
    user: UserId,
}

impl FreshSessions {
    /// Bulk work leaves places at Nextcloud to people who wait for a search. A credential that is gone by now is seen
    /// when the user is served next.
    async fn session(&self) -> Result<UserSession, NextcloudError> {
        match self.credentials.session_for(&self.user).await {
            Ok(session) => Ok(session.background()),
            Err(error) => Err(NextcloudError::Unreachable(error.to_string())),
        }
    }
}

#[async_trait]
impl Remote for FreshSessions {
    fn reader(&self) -> UserId {
        self.user.clone()
    }

    async fn entry(&self, path: &str) -> Result<DavEntry, NextcloudError> {
        self.session().await?.entry(path).await
    }

    async fn children(&self, path: &str) -> Result<Vec<DavEntry>, NextcloudError> {
        self.session().await?.children(path).await
    }

    async fn walk(&self, path: &str, visit: &mut (dyn FnMut(DavEntry) + Send)) -> Result<(), NextcloudError> {
        self.session().await?.walk(path, visit).await
    }

    async fn download(&self, path: &str, limit: u64) -> Result<Download, NextcloudError> {
        Remote::download(&self.session().await?, path, limit).await
    }

    async fn open(&self, path: &str, limit: u64, first: Option<u64>) -> Result<OpenFile, NextcloudError> {
        self.session().await?.open(path, limit, first).await
    }

    async fn notes_path(&self) -> Result<Option<String>, NextcloudError> {
        self.session().await?.notes_path().await
    }

    async fn notes_page(&self, size: u32, cursor: Option<&str>) -> Result<NotesPage, NextcloudError> {
        Remote::notes_page(&self.session().await?, size, cursor).await
    }

    async fn system_tags(&self) -> Result<Vec<SystemTag>, NextcloudError> {
        self.session().await?.system_tags().await
    }

    async fn tagged(&self, tag: i64) -> Result<Vec<DavEntry>, NextcloudError> {
        self.session().await?.tagged(tag).await
    }

    async fn collections(&self, kind: CollectionKind) -> Result<Vec<Collection>, NextcloudError> {
        self.session().await?.collections(kind).await
    }

    async fn collection_changes(
        &self,
        kind: CollectionKind,
        uri: &str,
        token: &str,
    ) -> Result<CollectionChanges, NextcloudError> {
        self.session().await?.collection_changes(kind, uri, token).await
    }

    async fn collection_objects(
        &self,
        kind: CollectionKind,
        uri: &str,
        wanted: Objects<'_>,
    ) -> Result<Vec<CollectionObject>, NextcloudError> {
        self.session().await?.collection_objects(kind, uri, wanted).await
    }
}

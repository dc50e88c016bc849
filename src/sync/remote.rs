//! The part of Nextcloud that the sync uses, in the name of one user.
//!
//! [`UserSession`] is the real one; tests put a made-up tree in its place.

use crate::auth::{CredentialError, CredentialProvider, Rejection};
use crate::ids::UserId;
use crate::nextcloud::{DavEntry, Depth, Download, NextcloudError, NotesPage, UserSession};
use async_trait::async_trait;
use std::sync::Arc;

/// What one user sees of Nextcloud.
#[async_trait]
pub trait Remote: Send + Sync {
    /// The file or folder itself: one PROPFIND, Depth 0.
    async fn entry(&self, path: &str) -> Result<DavEntry, NextcloudError>;

    /// A folder's children, without the folder: one PROPFIND, Depth 1.
    async fn children(&self, path: &str) -> Result<Vec<DavEntry>, NextcloudError>;

    /// Everything below `path`, itself first, handed out as it arrives: one PROPFIND, Depth infinity.
    async fn walk(&self, path: &str, visit: &mut (dyn FnMut(DavEntry) + Send)) -> Result<(), NextcloudError>;

    /// The content of a file, at most `limit` bytes.
    async fn download(&self, path: &str, limit: u64) -> Result<Download, NextcloudError>;

    /// Folder of the notes, such as `Notes`; `None` when the Notes app is away or not for this user.
    async fn notes_path(&self) -> Result<Option<String>, NextcloudError>;

    /// Notes with content, `size` at a time.
    async fn notes_page(&self, size: u32, cursor: Option<&str>) -> Result<NotesPage, NextcloudError>;
}

#[async_trait]
impl Remote for UserSession {
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

    async fn notes_path(&self) -> Result<Option<String>, NextcloudError> {
        self.session().await?.notes_path().await
    }

    async fn notes_page(&self, size: u32, cursor: Option<&str>) -> Result<NotesPage, NextcloudError> {
        Remote::notes_page(&self.session().await?, size, cursor).await
    }
}

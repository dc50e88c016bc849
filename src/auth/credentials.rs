//! The background credential of a user, whatever kind it is.

use crate::ids::UserId;
use crate::nextcloud::UserSession;

/// Why there is no session to work with.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The user handed over no credential, or it was dropped.
    #[error("no background credential is stored for this user")]
    NotProvisioned,
    /// The credential cannot be read now.
    #[error("the stored credential cannot be used: {0}")]
    Unusable(String),
    /// Whether the credential is good cannot be told now: the user is not to be paused for it.
    #[error("the credential cannot be checked now: {0}")]
    Temporary(String),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
}

/// Gives background work its Nextcloud session; callers never see which credential is behind it.
#[async_trait::async_trait]
pub trait CredentialProvider: Send + Sync {
    /// A session in the name of `user`.
    async fn session_for(&self, user: &UserId) -> Result<UserSession, CredentialError>;

    /// Nextcloud answered 401 to this user's credential: it is dropped at once and never tried again.
    async fn rejected(&self, user: &UserId) -> Result<(), CredentialError>;
}

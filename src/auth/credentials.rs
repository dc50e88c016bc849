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
    /// Nextcloud could not say now whether the credential works; it may well work later.
    #[error("the credential cannot be checked now: {0}")]
    Temporary(String),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
}

/// What became of a credential that Nextcloud refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// It is not used any more: its user is left alone until a new one comes.
    Dropped,
    /// It had been replaced meanwhile: the work is done again with the new one.
    Superseded,
}

/// Gives background work its Nextcloud session; callers never see which credential is behind it.
#[async_trait::async_trait]
pub trait CredentialProvider: Send + Sync {
    /// A session in the name of `user`.
    async fn session_for(&self, user: &UserId) -> Result<UserSession, CredentialError>;

    /// Nextcloud answered 401 to this user's credential: it is dropped at once and never tried again, unless it was
    /// an access token that a refresh had just replaced.
    async fn rejected(&self, user: &UserId) -> Result<Rejection, CredentialError>;
}

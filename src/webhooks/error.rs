//! Why a webhook could not be managed.

use super::StoreError;
use crate::auth::CredentialError;
use crate::db::DbError;
use crate::nextcloud::NextcloudError;

/// A failed operation on webhooks.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The administrator has granted nothing that works.
    #[error("no usable credential of this account is stored")]
    ConsentNeeded,
    /// Nextcloud lets only administrators and delegated ones manage webhooks.
    #[error("Nextcloud does not let this account manage webhooks: {0}")]
    Forbidden(String),
    /// The app `webhook_listeners` is not enabled.
    #[error("the app webhook_listeners is not enabled at Nextcloud")]
    NoApp,
    /// Nextcloud does not have the event; what it says about it.
    #[error("Nextcloud refused the webhook: {0}")]
    Refused(String),
    /// No webhook of this server, or none that was asked for.
    #[error("there is no such webhook of this server")]
    NotFound,
    /// Somebody else changes webhooks.
    #[error("webhooks are being changed by another request")]
    Busy,
    /// Nextcloud could not be asked now, or failed.
    #[error(transparent)]
    Nextcloud(NextcloudError),
    /// The credential could not be read now.
    #[error(transparent)]
    Credential(CredentialError),
    /// A row could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl WebhookError {
    /// Whether the account that was asked with cannot manage webhooks until somebody acts.
    pub(super) fn is_of_the_account(&self) -> bool {
        matches!(self, Self::ConsentNeeded | Self::Forbidden(_))
            || matches!(self, Self::Credential(CredentialError::Unusable(_)))
    }
}

impl From<sqlx::Error> for WebhookError {
    fn from(error: sqlx::Error) -> Self {
        DbError(error).into()
    }
}

impl From<DbError> for WebhookError {
    fn from(error: DbError) -> Self {
        Self::Store(StoreError::Database(error))
    }
}

impl From<NextcloudError> for WebhookError {
    fn from(error: NextcloudError) -> Self {
        match error {
            NextcloudError::Unauthorized | NextcloudError::AccountDisabled => Self::ConsentNeeded,
            NextcloudError::Forbidden(message) => Self::Forbidden(message),
            NextcloudError::NotFound(_) => Self::NoApp,
            NextcloudError::Rejected { status: 400, message } => Self::Refused(message),
            other => Self::Nextcloud(other),
        }
    }
}

impl From<CredentialError> for WebhookError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::NotProvisioned => Self::ConsentNeeded,
            other => Self::Credential(other),
        }
    }
}

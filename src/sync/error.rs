//! What can go wrong while keeping the index in step.

use crate::auth::CredentialError;
use crate::db::DbError;
use crate::db::installation::BindError;
use crate::index::{EmbeddingError, IndexError};
use crate::nextcloud::NextcloudError;

/// A failed sync operation. Which user or document it concerns is decided by whoever called.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// Nextcloud refused or failed.
    #[error(transparent)]
    Nextcloud(#[from] NextcloudError),
    /// There is no session to work with.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// The vector index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// No dense vectors came.
    #[error(transparent)]
    Embedding(#[from] EmbeddingError),
    /// The database belongs to another Nextcloud, or could not be asked.
    #[error(transparent)]
    Instance(#[from] BindError),
    /// Another worker took the work over; nothing of this run may be written any more.
    #[error("the lease was lost to another worker")]
    LeaseLost,
}

impl From<sqlx::Error> for SyncError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(DbError(error))
    }
}

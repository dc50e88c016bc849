//! Links to the consent page that a tool or the API gives to a principal.

use crate::auth::Principal;
use async_trait::async_trait;

/// A link could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConsentLinkError {
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
}

/// Makes links that work once and for one principal only.
#[async_trait]
pub trait ConsentLinks: Send + Sync + std::fmt::Debug {
    /// The address of the consent page for `principal`, good for ten minutes: consent by another UID stores nothing
    /// (case O08).
    async fn link_for(&self, principal: &Principal) -> Result<String, ConsentLinkError>;
}

//! What a consent gives.

use crate::audit::AuditOrigin;
use crate::auth::Principal;
use crate::auth::oidc::TokenAnswer;
use async_trait::async_trait;
use chrono::{DateTime, Utc};

/// A consent that was verified and not yet stored.
#[derive(Debug, Clone)]
pub struct NewGrant {
    /// Who consented, as Nextcloud told it.
    pub principal: Principal,
    /// `iss` of the ID token.
    pub issuer: String,
    /// `sub` of the ID token.
    pub subject: String,
    /// The client that it was given to.
    pub client_id: String,
    /// The scopes that were granted, as far as they are known; else those that were asked for.
    pub scopes: Vec<String>,
    /// The tokens; with a refresh token.
    pub answer: TokenAnswer,
    /// When they were issued.
    pub issued_at: DateTime<Utc>,
}

/// A grant could not be stored, read or used.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// The consent came without what makes it last (case O09).
    #[error("the identity provider granted no refresh token: offline_access is missing")]
    NoRefreshToken,
    /// Nextcloud refused to make an app password with the consent.
    #[error("Nextcloud made no app password: {0}")]
    NotMinted(String),
    /// A user who left could not be forgotten.
    #[error(transparent)]
    Access(#[from] crate::auth::access::AccessError),
    /// A stored secret does not open.
    #[error("a stored secret cannot be read: {0}")]
    Secret(#[from] crate::crypto::EnvelopeError),
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
}

/// Stores what a consent gives, as `BACKGROUND_CREDENTIAL` says: the refresh token, or an app password made with it.
#[async_trait]
pub trait CredentialSink: Send + Sync + std::fmt::Debug {
    /// Stores the credential, writes the audit row and wakes the first scan. Returns when it ends by itself.
    async fn store(&self, grant: NewGrant, origin: &AuditOrigin)
    -> Result<Option<DateTime<Utc>>, GrantError>;
}

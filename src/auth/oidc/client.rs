//! Which OAuth client this server is: the configured one, or one that it registered itself.

use super::ProviderProblem;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;

/// Where the client came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientSource {
    /// `NEXTCLOUD_OIDC_CLIENT_ID`.
    Configured,
    /// Dynamic registration; a client that expires takes its grants with it (facts §0 row 16).
    Registered {
        /// `None`: it does not expire.
        expires_at: Option<DateTime<Utc>>,
    },
}

/// Id and secret at the identity provider.
#[derive(Debug, Clone)]
pub struct ClientCredentials {
    /// `client_id`.
    pub id: String,
    /// `client_secret`; `None` for a public client.
    pub secret: Option<SecretString>,
    /// Where it came from.
    pub source: ClientSource,
}

/// Why this server has no OAuth client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The provider is not known yet.
    #[error(transparent)]
    Provider(#[from] ProviderProblem),
    /// No client is configured and the provider registers none.
    #[error(
        "no OAuth client: set NEXTCLOUD_OIDC_CLIENT_ID and NEXTCLOUD_OIDC_CLIENT_SECRET, made with `{create}`"
    )]
    NotConfigured {
        /// The command that makes one at Nextcloud.
        create: String,
    },
    /// The registration failed.
    #[error("the OAuth client could not be registered: {0}")]
    Registration(String),
}

/// Gives the OAuth client.
#[async_trait]
pub trait OAuthClient: Send + Sync + std::fmt::Debug {
    /// The client of today: registers one when none is configured and the last has expired or soon will.
    async fn current(&self) -> Result<ClientCredentials, ClientError>;

    /// The client `id`, when this server still has its secret; a grant names the client it belongs to.
    async fn by_id(&self, id: &str) -> Result<Option<ClientCredentials>, ClientError>;
}

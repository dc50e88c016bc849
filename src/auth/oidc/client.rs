//! Which OAuth client this server is, the configured one or one that it registered itself, and how it authenticates.

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

impl ClientCredentials {
    /// How this client proves itself where `method` is asked for; a client without a secret only names itself.
    pub fn authentication(&self, method: ClientAuthMethod) -> ClientAuthentication {
        let id = self.id.clone();
        match (&self.secret, method) {
            (None, _) => ClientAuthentication::Public { id },
            (Some(secret), ClientAuthMethod::Basic) => ClientAuthentication::Basic {
                id,
                secret: secret.clone(),
            },
            (Some(secret), ClientAuthMethod::Post) => ClientAuthentication::Post {
                id,
                secret: secret.clone(),
            },
        }
    }
}

/// Where a client's secret goes (RFC 6749 §2.3.1), of what `token_endpoint_auth_methods_supported` lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientAuthMethod {
    /// `client_secret_basic`: the `Authorization` header; every provider must know it, so it comes first.
    #[default]
    Basic,
    /// `client_secret_post`: the body.
    Post,
}

impl ClientAuthMethod {
    /// As the discovery document and a registration name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Post => "client_secret_post",
        }
    }
}

/// A client's proof of itself in one request.
#[derive(Debug, Clone)]
pub enum ClientAuthentication {
    /// `client_secret_basic`.
    Basic {
        /// `client_id`.
        id: String,
        /// `client_secret`.
        secret: SecretString,
    },
    /// `client_secret_post`.
    Post {
        /// `client_id`.
        id: String,
        /// `client_secret`.
        secret: SecretString,
    },
    /// A public client names itself only.
    Public {
        /// `client_id`.
        id: String,
    },
}

impl ClientAuthentication {
    /// Who proves itself.
    pub fn client_id(&self) -> &str {
        match self {
            Self::Basic { id, .. } | Self::Post { id, .. } | Self::Public { id } => id,
        }
    }
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
    /// This server's database did not answer: nothing was sent, and nobody need act. The log has the details.
    #[error("the OAuth client could not be read from this server's database")]
    Store,
}

/// Gives the OAuth client.
#[async_trait]
pub trait OAuthClient: Send + Sync + std::fmt::Debug {
    /// The client of today: registers one when none is configured and the last has expired or soon will.
    async fn current(&self) -> Result<ClientCredentials, ClientError>;

    /// The client `id`, when this server still has its secret; a grant names the client it belongs to.
    async fn by_id(&self, id: &str) -> Result<Option<ClientCredentials>, ClientError>;
}

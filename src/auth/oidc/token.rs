//! The token endpoint (RFC 6749 §4.1.3, §5, §6).

use super::{ClientError, ProviderProblem};
use async_trait::async_trait;
use secrecy::SecretString;
use std::time::Duration;
use url::Url;

/// What the token endpoint gave.
#[derive(Debug, Clone)]
pub struct TokenAnswer {
    /// The access token.
    pub access_token: SecretString,
    /// Absent from a refresh: the old one stays (case T11).
    pub refresh_token: Option<SecretString>,
    /// Lifetime of the access token; absent, zero or nonsense: `None`.
    pub expires_in: Option<Duration>,
    /// Lifetime of the refresh token, which the `oidc` app tells (facts §0 row 4).
    pub refresh_expires_in: Option<Duration>,
    /// The ID token, unverified.
    pub id_token: Option<SecretString>,
    /// Granted scopes where the endpoint names them (the `oidc` app does not).
    pub scopes: Option<Vec<String>>,
}

/// Why the token endpoint gave nothing. The kinds differ in what happens to the grant (case T12).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenFailure {
    /// The code or refresh token is worth nothing any more: consent again.
    #[error("the grant is no longer valid: {0}")]
    InvalidGrant(String),
    /// The client is unknown, expired or has another secret: the operator must act, the grant is kept.
    #[error("the identity provider refuses this server's OAuth client: {0}")]
    InvalidClient(String),
    /// Another error of RFC 6749 §5.2.
    #[error("the identity provider refused the request: {0}")]
    Refused(String),
    /// Too many requests.
    #[error("the identity provider asks to wait")]
    Throttled {
        /// `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// Nothing was sent, or the answer is certainly not the result of a refresh.
    #[error("the identity provider cannot be reached: {0}")]
    Unreachable(String),
    /// The request went out and no usable answer came: the refresh token may have been used up.
    #[error("the identity provider did not answer the refresh: {0}")]
    Uncertain(String),
    /// The same as a page with 500: also how the `oidc` app answers for a deleted account (facts §0 row 9).
    #[error("the identity provider did not answer the refresh: {0}")]
    InternalError(String),
    /// This server has no client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl From<ProviderProblem> for TokenFailure {
    fn from(problem: ProviderProblem) -> Self {
        Self::Client(problem.into())
    }
}

/// An authorization code to exchange.
#[derive(Debug, Clone)]
pub struct CodeExchange {
    /// The client that asked for the code.
    pub client_id: String,
    /// The code.
    pub code: SecretString,
    /// PKCE (RFC 7636 §4.5).
    pub code_verifier: SecretString,
    /// The redirect URI of the authorization request.
    pub redirect_uri: Url,
}

/// How a refresh token was ended at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteRevocation {
    /// RFC 7009.
    Revoked,
    /// Refreshed once and thrown away: rotation kills the old token where there is no revocation endpoint.
    RotatedAway,
    /// It was worth nothing already.
    AlreadyDead,
}

/// The token endpoint, and what ends a refresh token.
#[async_trait]
pub trait TokenEndpoint: Send + Sync + std::fmt::Debug {
    /// Exchanges an authorization code.
    async fn exchange_code(&self, exchange: &CodeExchange) -> Result<TokenAnswer, TokenFailure>;

    /// Refreshes with a token that `client_id` was given. Never retried inside.
    async fn refresh(
        &self,
        client_id: &str,
        refresh_token: &SecretString,
    ) -> Result<TokenAnswer, TokenFailure>;

    /// Ends a refresh token that `client_id` was given: RFC 7009, else by rotation.
    async fn end(
        &self,
        client_id: &str,
        refresh_token: &SecretString,
    ) -> Result<RemoteRevocation, TokenFailure>;
}

//! The identity provider as it is known now.

use super::{ClientAuthMethod, ProviderMetadata};
use async_trait::async_trait;
use std::sync::Arc;

/// Why nothing can be done with the identity provider now. OAuth routes answer 503 with this text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderProblem {
    /// It has not answered yet.
    #[error("the identity provider cannot be reached: {0}")]
    Unreachable(String),
    /// Its discovery document cannot be used; an operator must look (case J10).
    #[error("the identity provider's discovery document is refused: {0}")]
    Refused(String),
}

/// Knows the identity provider. Never waits for it: a background task asks, again and again.
#[async_trait]
pub trait IdentityProvider: Send + Sync + std::fmt::Debug {
    /// The checked discovery document, the last good one while the provider is away.
    fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderProblem>;

    /// The key set (RFC 7517) that signs tokens of the provider; `refetch` asks again because a key id is unknown,
    /// and is rate-limited.
    async fn keys(&self, refetch: bool) -> Result<Arc<jsonwebtoken::jwk::JwkSet>, ProviderProblem>;

    /// How a client authenticates at the token and revocation endpoints.
    fn client_auth_method(&self) -> ClientAuthMethod {
        ClientAuthMethod::default()
    }

    /// How a client authenticates at the introspection endpoint.
    fn introspection_auth_method(&self) -> ClientAuthMethod {
        self.client_auth_method()
    }
}

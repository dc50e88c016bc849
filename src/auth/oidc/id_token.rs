//! The ID token of a consent or login (`OpenID` Connect Core §3.1.3.7).

use super::ProviderProblem;
use async_trait::async_trait;
use secrecy::SecretString;

/// Who the identity provider says it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdTokenClaims {
    /// `iss`, one of the accepted issuers.
    pub issuer: String,
    /// `sub`.
    pub subject: String,
    /// Display name, when told.
    pub name: Option<String>,
}

/// Why an ID token is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// The keys that would verify it cannot be had now.
    #[error(transparent)]
    Provider(#[from] ProviderProblem),
    /// Not to be believed (cases J01, O05).
    #[error("the ID token is refused: {0}")]
    Refused(String),
}

/// Verifies ID tokens.
#[async_trait]
pub trait IdTokens: Send + Sync + std::fmt::Debug {
    /// Signature, issuer, audience `client_id`, expiry and `nonce`.
    async fn verify(
        &self,
        id_token: &SecretString,
        client_id: &str,
        nonce: &str,
    ) -> Result<IdTokenClaims, IdTokenError>;
}

//! Why a flow ended with nothing stored. Each reason has its own page, which says what to do about it.

use super::FlowStoreError;
use crate::auth::IdentityError;
use crate::auth::browser::SessionError;
use crate::auth::grants::GrantError;
use crate::auth::oidc::{ClientError, IdTokenError, TokenFailure};
use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use url::Url;

/// Why a flow ended with nothing stored.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No such flow: never begun here, used, expired, or another browser's (case O01).
    #[error("the flow is unknown, used, expired or belongs to another browser")]
    UnknownFlow,
    /// The user said no at the provider (case O03).
    #[error("access was denied at the identity provider")]
    Denied,
    /// The provider reports another error (RFC 6749 §4.1.2.1).
    #[error("the identity provider answered {code}")]
    ProviderError {
        /// `error`.
        code: String,
        /// `error_description`; whatever the provider, or whoever made the address, wrote.
        description: Option<String>,
    },
    /// The callback is not the provider's (RFC 9207), or lacks the code.
    #[error("the callback is not a valid answer of the identity provider")]
    InvalidCallback,
    /// The code is worth nothing (any more).
    #[error("the identity provider refused the authorization code: {0}")]
    CodeRefused(String),
    /// The ID token is not to be believed (case O05).
    #[error("the ID token is refused: {0}")]
    IdToken(String),
    /// The provider refuses this server's client: the operator must act.
    #[error("the identity provider refuses this server's OAuth client: {0}")]
    ClientRefused(String),
    /// The provider does not answer.
    #[error("the identity provider cannot be used now: {0}")]
    ProviderAway(String),
    /// Another user consented than the link was made for (case O08).
    #[error("the link belongs to another user")]
    AnotherUser {
        /// Whom the link was made for.
        expected: UserId,
        /// Who consented.
        actual: UserId,
    },
    /// Nextcloud does not accept the access token.
    #[error("Nextcloud does not accept the access token")]
    BearerRefused {
        /// Whether its own `oidc` app issued it, so that one setting helps.
        is_own_nextcloud: bool,
    },
    /// The consent does not last (case O09).
    #[error("no refresh token was granted: offline_access is missing")]
    NoRefreshToken,
    /// No app password could be made with the consent.
    #[error("Nextcloud made no app password: {0}")]
    NotMinted(String),
    /// The account is disabled.
    #[error("the Nextcloud account is disabled")]
    AccountDisabled,
    /// Nextcloud cannot be asked now.
    #[error("Nextcloud cannot be asked now: {0}")]
    NextcloudAway(String),
    /// Who logged in is nobody known at Nextcloud (case J12).
    #[error("the identity is not known at Nextcloud")]
    UnknownUser,
    /// The database did not answer, or a stored secret does not open.
    #[error("an internal error: {0}")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A flow that ended with nothing stored.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// Whether it was a consent, not a login.
    pub was_consent: bool,
    /// The way back to Nextcloud, when the flow had one.
    pub back: Option<Url>,
}

impl From<FlowStoreError> for Refusal {
    fn from(error: FlowStoreError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<IdentityError> for Refusal {
    fn from(error: IdentityError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        Self::ProviderAway(error.to_string())
    }
}

impl From<TokenFailure> for Refusal {
    fn from(failure: TokenFailure) -> Self {
        match failure {
            TokenFailure::InvalidGrant(why) | TokenFailure::Refused(why) => Self::CodeRefused(why),
            TokenFailure::InvalidClient(why) => Self::ClientRefused(why),
            TokenFailure::Unreachable(why)
            | TokenFailure::Uncertain(why)
            | TokenFailure::InternalError(why) => Self::ProviderAway(why),
            throttled @ TokenFailure::Throttled { .. } => Self::ProviderAway(throttled.to_string()),
            TokenFailure::Client(error) => error.into(),
        }
    }
}

impl From<IdTokenError> for Refusal {
    fn from(error: IdTokenError) -> Self {
        match error {
            IdTokenError::Provider(problem) => Self::ProviderAway(problem.to_string()),
            IdTokenError::Refused(why) => Self::IdToken(why),
        }
    }
}

impl From<GrantError> for Refusal {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::NoRefreshToken => Self::NoRefreshToken,
            GrantError::NotMinted(why) => Self::NotMinted(why),
            other => Self::Internal(other.into()),
        }
    }
}

impl Refusal {
    /// What Nextcloud's refusal of a fresh access token means.
    pub(super) fn at_nextcloud(error: NextcloudError, is_own_nextcloud: bool) -> Self {
        match error {
            NextcloudError::Unauthorized | NextcloudError::Forbidden(_) => {
                Self::BearerRefused { is_own_nextcloud }
            }
            NextcloudError::AccountDisabled => Self::AccountDisabled,
            other => Self::NextcloudAway(other.to_string()),
        }
    }
}

//! What a verified access token says.

use crate::auth::Principal;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use std::collections::BTreeSet;
use std::time::Duration;

/// What the token must have been made for (DESIGN §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// `/mcp`: this server's URL, or it with `/mcp`.
    Mcp,
    /// The management API: the same, or a client of `ALLOWED_MGMT_CLIENT`.
    Management,
}

/// A token that was believed.
#[derive(Debug, Clone)]
pub struct VerifiedBearer {
    /// Whose it is.
    pub principal: Principal,
    /// Its scopes as [`crate::auth::scopes::Scope`] writes them. `None` restricts nothing: the operator chose userinfo,
    /// whose answer names none. A token that could have named its scopes and does not has an empty set.
    pub scopes: Option<BTreeSet<String>>,
    /// The client that it was given to, when told.
    pub client_id: Option<String>,
    /// When it ends, when told.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whether Nextcloud itself issued it, so that it works there.
    pub is_own_nextcloud: bool,
}

/// Why a token is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// Proven bad: 401. The text says why, for people and for `error_description`.
    #[error("the access token is refused: {0}")]
    Refused(&'static str),
    /// Good, but its subject is no known Nextcloud user: 403 (case J12).
    #[error("the access token belongs to nobody known at Nextcloud")]
    UnknownUser,
    /// Nobody can tell now: 503, never 401.
    #[error("the access token cannot be checked now: {reason}")]
    Unavailable {
        /// For the log and the answer; no secrets.
        reason: String,
        /// When a further attempt makes sense.
        retry_after: Duration,
    },
}

/// Verifies access tokens: JWT by the provider's keys, others by introspection, all by userinfo where that was chosen.
#[async_trait]
pub trait BearerVerifier: Send + Sync + std::fmt::Debug {
    /// Believes `token` for `audience`, or says why not. Cached for at most 60 s.
    async fn verify(&self, token: &SecretString, audience: Audience) -> Result<VerifiedBearer, BearerError>;

    /// Who `token` was proven to be of within the last hour, for answers that must not fail while nobody can tell now
    /// (facts §0 row 13). Nothing else may rest on it. `None` by default.
    async fn last_known(&self, token: &SecretString, audience: Audience) -> Option<VerifiedBearer> {
        let _ = (token, audience);
        None
    }

    /// Forgets what was cached of `principal`'s tokens: they were revoked here (case J09).
    async fn forget(&self, principal: &Principal);
}

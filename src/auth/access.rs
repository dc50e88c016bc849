//! What a user has granted this server, whatever kind of credential it is.

use super::Principal;
use crate::audit::AuditOrigin;
use crate::ids::UserId;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The kind of a background credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A consented refresh token.
    RefreshToken,
    /// An app password, handed over or made with the consent.
    AppPassword,
}

/// What a credential is good for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialState {
    /// Works.
    Active,
    /// Being refreshed now.
    Refreshing,
    /// A refresh was cut short: the next one tells.
    Uncertain,
    /// Only a new consent helps.
    ReauthRequired,
    /// The operator must act; the consent is kept.
    OperatorActionRequired,
    /// Taken back by the user.
    Revoked,
    /// Never given.
    NotProvisioned,
}

/// What stands for a user. No secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessStatus {
    /// What works now, or why nothing does.
    pub state: CredentialState,
    /// Why, and since when.
    pub reason: Option<String>,
    /// When the state began.
    pub since: Option<DateTime<Utc>>,
    /// The kind that background work uses; `None` without a credential.
    pub kind: Option<CredentialKind>,
    /// When it was given.
    pub provisioned_at: Option<DateTime<Utc>>,
    /// When it was last refreshed or replaced.
    pub updated_at: Option<DateTime<Utc>>,
    /// When it ends by itself; `None`: no end is known.
    pub expires_at: Option<DateTime<Utc>>,
    /// What the user narrowed this server to, else the scopes that the provider granted; `None`: no restriction was named.
    pub scopes: Option<Vec<String>>,
    /// OAuth client of a refresh token.
    pub client_id: Option<String>,
    /// Login name of an app password.
    pub login_name: Option<String>,
}

impl AccessStatus {
    /// Of somebody who never granted anything.
    pub fn not_provisioned() -> Self {
        Self {
            state: CredentialState::NotProvisioned,
            reason: None,
            since: None,
            kind: None,
            provisioned_at: None,
            updated_at: None,
            expires_at: None,
            scopes: None,
            client_id: None,
            login_name: None,
        }
    }

    /// Whether background work can use it now or soon.
    pub fn is_provisioned(&self) -> bool {
        matches!(
            self.state,
            CredentialState::Active | CredentialState::Refreshing | CredentialState::Uncertain
        )
    }
}

/// What a user granted could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// Nothing stands for this user.
    #[error("nothing is provisioned for this user")]
    NotProvisioned,
    /// A store or the purge failed; asking again goes on with it.
    #[error("the credential could not be changed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Shows, narrows and takes back what a user granted.
#[async_trait]
pub trait UserAccess: Send + Sync + std::fmt::Debug {
    /// What stands for `user`.
    async fn status(&self, user: &UserId) -> Result<AccessStatus, AccessError>;

    /// Takes back everything that `principal` granted, at once and for good: unusable for the broker, the jobs stopped,
    /// the index entries purged, what must end elsewhere put on record. `false` when nothing stood. Idempotent.
    async fn revoke(&self, principal: &Principal, origin: &AuditOrigin) -> Result<bool, AccessError>;

    /// Narrows what this server does for `principal` to `scopes`, or widens it again; an empty list: nothing.
    async fn set_scopes(
        &self,
        principal: &Principal,
        scopes: &[String],
        origin: &AuditOrigin,
    ) -> Result<(), AccessError>;
}

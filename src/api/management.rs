//! The authenticated part of the management API: what its handlers share, and its routes.

use super::ApiError;
use super::state::{Attempts, attempts};
use super::v1;
use super::v1::Session;
use crate::audit::AuditTrail;
use crate::auth::access::{AccessError, AccessStatus, UserAccess};
use crate::auth::bearer::BearerVerifier;
use crate::auth::{AppPasswords, CredentialError, CredentialProvider};
use crate::clock::SharedClock;
use crate::ids::UserId;
use crate::webhooks::Webhooks;
use axum::Router;
use axum::routing::{delete, get, patch, post};
use http::StatusCode;
use moka::future::Cache;
use std::sync::Arc;
use std::time::Duration;

/// Sessions remembered for the time in which the database is away, and how long.
const SESSIONS: u64 = 10_000;
const SESSION_AGE: Duration = Duration::from_hours(24);
/// What a caller is told to wait while the database or the identity provider is away.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// What [`ManagementState`] is made of.
pub struct ManagementParts {
    /// Believes access tokens.
    pub verifier: Arc<dyn BearerVerifier>,
    /// What users granted.
    pub access: Arc<dyn UserAccess>,
    /// Proves Basic credentials; `None`: only access tokens count.
    pub app_passwords: Option<AppPasswords>,
    /// Asks Nextcloud in a user's name.
    pub credentials: Arc<dyn CredentialProvider>,
    /// Manages webhooks; `None` where nothing may be stored.
    pub webhooks: Option<Webhooks>,
    /// The page where users consent; `None` where nothing may be stored.
    pub consent_page: Option<String>,
    /// Who did what.
    pub audit: Arc<dyn AuditTrail>,
    /// Time.
    pub clock: SharedClock,
}

/// What handlers of the management API share. Cheap to clone.
#[derive(Clone)]
pub struct ManagementState {
    shared: Arc<Shared>,
}

struct Shared {
    parts: ManagementParts,
    attempts: Attempts,
    sessions: Cache<UserId, Session>,
}

impl std::fmt::Debug for ManagementState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagementState")
            .field("verifier", &self.shared.parts.verifier)
            .finish_non_exhaustive()
    }
}

impl ManagementState {
    /// State over `parts`.
    pub fn new(parts: ManagementParts) -> Self {
        Self {
            shared: Arc::new(Shared {
                attempts: attempts(&parts.clock),
                sessions: Cache::builder()
                    .max_capacity(SESSIONS)
                    .time_to_live(SESSION_AGE)
                    .build(),
                parts,
            }),
        }
    }

    pub(super) fn parts(&self) -> &ManagementParts {
        &self.shared.parts
    }

    /// What stands for `user`.
    pub(super) async fn status(&self, user: &UserId) -> Result<AccessStatus, AccessError> {
        match self.parts().access.status(user).await {
            Err(AccessError::NotProvisioned) => Ok(AccessStatus::not_provisioned()),
            answer => answer,
        }
    }

    /// What a caller without a usable credential is told. Astrolabe shows people only the beginning of an error: the
    /// address comes first.
    pub(super) fn provisioning_required(&self) -> ApiError {
        let message = match &self.parts().consent_page {
            Some(page) => format!(
                "{page} : open it, signed in to Nextcloud as yourself, to let this server act for you, then try again."
            ),
            None => "This server keeps no credentials (ENABLE_OFFLINE_ACCESS is off), so it cannot ask Nextcloud for \
                     you."
                .to_owned(),
        };
        ApiError::new(StatusCode::PRECONDITION_REQUIRED, "Provisioning required").with_message(message)
    }

    /// The same for every reason why there is no session.
    pub(super) fn no_session(&self, error: CredentialError) -> ApiError {
        match error {
            CredentialError::NotProvisioned => self.provisioning_required(),
            error @ CredentialError::Unusable(_) => ApiError::internal(error),
            error @ (CredentialError::Temporary(_) | CredentialError::Database(_)) => {
                ApiError::unavailable("The credential cannot be used now", error)
                    .with_retry_after(RETRY_AFTER)
            }
        }
    }

    /// Counts wrong Basic credentials, on all credential routes.
    pub(super) fn attempts(&self) -> &Attempts {
        &self.shared.attempts
    }

    /// The last session that was told to each user.
    pub(super) fn sessions(&self) -> &Cache<UserId, Session> {
        &self.shared.sessions
    }
}

/// The routes; their layers are the router's.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(state: ManagementState) -> Router<S> {
    Router::new()
        .route("/api/v1/scopes", get(v1::scopes))
        .route("/api/v1/users/{user_id}/session", get(v1::session))
        .route("/api/v1/users/{user_id}/revoke", post(v1::revoke))
        .route("/api/v1/users/{user_id}/access", get(v1::access))
        .route("/api/v1/users/{user_id}/scopes", patch(v1::set_scopes))
        .route(
            "/api/v1/webhooks",
            get(v1::list_webhooks).post(v1::create_webhook),
        )
        .route("/api/v1/webhooks/{id}", delete(v1::delete_webhook))
        .with_state(state)
}

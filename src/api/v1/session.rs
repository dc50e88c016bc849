//! `GET /api/v1/users/{id}/session`: what a user granted this server.
//!
//! Astrolabe deletes the user's tokens at *any* error of this route, and at a success that holds a key `error`
//! (facts §0 row 13). So 401 is for tokens that are proven bad; while something behind this server is away, the last
//! known session is told again; a success never has that key.

use crate::api::extract::SessionCaller;
use crate::api::{ApiError, ManagementState};
use crate::auth::access::{AccessStatus, CredentialKind, CredentialState};
use crate::auth::scopes::ScopeSet;
use crate::ids::UserId;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;

/// The answer. `idp_profile` of the contract is left out: this server keeps no profile of its users.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Session {
    #[serde(rename = "session_id")]
    id: UserId,
    background_access_granted: bool,
    /// Why, in one word.
    background_access_state: CredentialState,
    #[serde(skip_serializing_if = "Option::is_none")]
    background_access_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    background_access_details: Option<Details>,
}

#[derive(Debug, Clone, Serialize)]
struct Details {
    granted_at: Option<DateTime<Utc>>,
    /// Another name of `granted_at`: Astrolabe reads this one.
    provisioned_at: Option<DateTime<Utc>>,
    /// `null`: no restriction was named, which is not an empty list.
    scopes: Option<ScopeSet>,
    kind: Option<CredentialKind>,
    expires_at: Option<DateTime<Utc>>,
}

impl Session {
    fn of(user: UserId, status: AccessStatus) -> Self {
        let granted = status.is_provisioned();
        Self {
            id: user,
            background_access_granted: granted,
            background_access_state: status.state,
            background_access_reason: status.reason,
            background_access_details: granted.then(|| Details {
                granted_at: status.provisioned_at,
                provisioned_at: status.provisioned_at,
                scopes: status.scopes.map(ScopeSet::from_iter),
                kind: status.kind,
                expires_at: status.expires_at,
            }),
        }
    }
}

/// The caller's own session.
pub(crate) async fn session(
    State(state): State<ManagementState>,
    SessionCaller(user): SessionCaller,
) -> Result<Json<Session>, ApiError> {
    let uid = user.principal().user();
    match state.status(uid).await {
        Ok(status) => {
            let session = Session::of(uid.clone(), status);
            state.sessions().insert(uid.clone(), session.clone()).await;
            Ok(Json(session))
        }
        Err(error) => {
            let known = state.sessions().get(uid).await;
            known
                .map(Json)
                .ok_or_else(|| ApiError::unavailable("The session cannot be read now", error))
        }
    }
}

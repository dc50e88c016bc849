//! `GET /api/v1/users/{id}/session`: what a user granted this server.
//!
//! Astrolabe deletes the user's tokens at *any* error of this route, and at a success that holds a key `error`
//! (facts §0 row 13). So 401 is for tokens that are proven bad; while something behind this server is away, the last
//! known session is told again; a success never has that key.

use crate::api::extract::SessionCaller;
use crate::api::openapi::ToBearer;
use crate::api::{ApiError, ManagementState};
use crate::auth::access::{AccessStatus, CredentialKind, CredentialState};
use crate::auth::scopes::ScopeSet;
use crate::ids::UserId;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

/// The answer. `idp_profile` of the contract is left out: this server keeps no profile of its users.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Session {
    /// The UID.
    #[serde(rename = "session_id")]
    #[schema(value_type = String)]
    id: UserId,
    /// Whether this server may ask Nextcloud in the user's name.
    background_access_granted: bool,
    /// Why, in one word.
    background_access_state: CredentialState,
    /// What stands in the way, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    background_access_reason: Option<String>,
    /// Only where access was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    background_access_details: Option<Details>,
}

#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = SessionDetails)]
struct Details {
    /// When.
    #[schema(required)]
    granted_at: Option<DateTime<Utc>>,
    /// Another name of `granted_at`: Astrolabe reads this one.
    #[schema(required)]
    provisioned_at: Option<DateTime<Utc>>,
    /// `null`: no restriction was named, which is not an empty list.
    #[schema(required, value_type = Option<Vec<String>>)]
    scopes: Option<ScopeSet>,
    /// What is stored.
    kind: Option<CredentialKind>,
    /// When it ends, where that is known.
    #[schema(required)]
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

/// What the caller granted this server.
///
/// While something behind this server is away, the last known answer is told again.
#[utoipa::path(
    get,
    path = "/api/v1/users/{user_id}/session",
    tag = "access",
    security(("bearer" = [])),
    params(("user_id" = String, Path, description = "UID at Nextcloud: the caller's own.", min_length = 1, example = "alice")),
    responses(
        (status = 200, description = "The session", body = Session, example = json!({
            "session_id": "alice", "background_access_granted": true, "background_access_state": "active",
            "background_access_details": {
                "granted_at": "2026-03-01T08:00:00Z", "provisioned_at": "2026-03-01T08:00:00Z",
                "scopes": ["files.read"], "kind": "refresh_token", "expires_at": null
            }
        })),
        ToBearer,
    ),
)]
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

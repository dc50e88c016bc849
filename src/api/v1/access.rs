//! `GET /api/v1/users/{id}/access` and `PATCH /api/v1/users/{id}/scopes`: what a user granted, shown and narrowed.
//! Basic credentials prove the caller here, as they do where an app password is handed over; an access token does too.

use crate::api::extract::{Origin, ProvedUser};
use crate::api::{ApiError, ManagementState};
use crate::auth::access::{AccessError, CredentialKind, CredentialState};
use crate::auth::scopes::{Scope, ScopeSet};
use crate::ids::UserId;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
pub(crate) struct Access {
    success: bool,
    user_id: UserId,
    provisioned: bool,
    /// `null`: no restriction was named.
    scopes: Option<Vec<String>>,
    username: Option<String>,
    state: CredentialState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<CredentialKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopesBody {
    scopes: Vec<String>,
}

#[derive(Serialize)]
struct ScopesSet {
    success: bool,
    user_id: UserId,
    scopes: ScopeSet,
    message: String,
}

#[derive(Serialize)]
struct InvalidScopes {
    success: bool,
    error: String,
    valid_scopes: ScopeSet,
}

/// What the user granted.
pub(crate) async fn access(
    State(state): State<ManagementState>,
    ProvedUser(principal): ProvedUser,
) -> Result<Json<Access>, ApiError> {
    let user = principal.user();
    let status = state
        .status(user)
        .await
        .map_err(|error| ApiError::unavailable("The credential cannot be read now", error))?;
    Ok(Json(Access {
        success: true,
        user_id: user.clone(),
        provisioned: status.is_provisioned(),
        scopes: status.scopes,
        username: status.login_name,
        state: status.state,
        reason: status.reason,
        kind: status.kind,
        created_at: status.provisioned_at,
        updated_at: status.updated_at,
        expires_at: status.expires_at,
    }))
}

/// Replaces the scopes. An empty list allows nothing, which is not the same as no restriction.
pub(crate) async fn set_scopes(
    State(state): State<ManagementState>,
    ProvedUser(principal): ProvedUser,
    Origin(origin): Origin,
    body: Bytes,
) -> Result<Response, ApiError> {
    let body: ScopesBody = serde_json::from_slice(&body).map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, "Invalid request body").with_message(error.to_string())
    })?;
    let unknown: Vec<&str> = body
        .scopes
        .iter()
        .map(String::as_str)
        .filter(|name| !Scope::parse(name).is_ok_and(|scope| scope.is_known()))
        .collect();
    if !unknown.is_empty() {
        let invalid = InvalidScopes {
            success: false,
            error: format!("Invalid scopes: {}", unknown.join(", ")),
            valid_scopes: ScopeSet::all(),
        };
        return Ok((StatusCode::BAD_REQUEST, Json(invalid)).into_response());
    }
    let scopes: ScopeSet = body.scopes.iter().collect();
    let user = principal.user();
    let answer = state
        .parts()
        .access
        .set_scopes(&principal, &scopes.names(), &origin)
        .await;
    match answer {
        Ok(()) => {
            state.sessions().invalidate(user).await;
            Ok(Json(ScopesSet {
                success: true,
                user_id: user.clone(),
                message: format!("Scopes updated for {user}"),
                scopes,
            })
            .into_response())
        }
        Err(AccessError::NotProvisioned) => Err(ApiError::new(StatusCode::NOT_FOUND, "Not provisioned")
            .with_message("There is no background access whose scopes could be set.")),
        Err(error @ AccessError::Failed(_)) => Err(ApiError::internal(error)),
    }
}

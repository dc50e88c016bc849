//! `GET /api/v1/users/{id}/access` and `PATCH /api/v1/users/{id}/scopes`: what a user granted, shown and narrowed.
//! Basic credentials prove the caller here, as they do where an app password is handed over; an access token does too.

use super::params::{bad, of_object};
use crate::api::extract::{Origin, ProvedUser};
use crate::api::openapi::ToBasic;
use crate::api::{ApiError, ManagementState};
use crate::auth::access::{AccessError, CredentialKind, CredentialState};
use crate::auth::scopes::{Scope, ScopeSet};
use crate::ids::UserId;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};

/// Characters of what was sent that are shown again.
const MAX_SHOWN: usize = 200;

/// What a user granted.
#[derive(Serialize, ToSchema)]
pub(crate) struct Access {
    /// True.
    success: bool,
    /// The UID.
    #[schema(value_type = String)]
    user_id: UserId,
    /// Whether this server may ask Nextcloud in the user's name.
    provisioned: bool,
    /// `null`: no restriction was named.
    #[schema(required)]
    scopes: Option<Vec<String>>,
    /// The login name of an app password.
    #[schema(required)]
    username: Option<String>,
    /// What the credential is good for now.
    state: CredentialState,
    /// What stands in the way, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What is stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<CredentialKind>,
    /// When it was granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<DateTime<Utc>>,
    /// When it ends, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<DateTime<Utc>>,
}

/// The scopes that shall stand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScopesBody {
    /// Names of known scopes; an empty list allows nothing, which is not the same as no restriction.
    #[schema(schema_with = known_scopes)]
    scopes: Vec<String>,
}

/// The scopes as they stand now.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScopesSet {
    /// True.
    success: bool,
    /// The UID.
    #[schema(value_type = String)]
    user_id: UserId,
    /// Their names.
    #[schema(value_type = Vec<String>)]
    scopes: ScopeSet,
    /// For people.
    message: String,
}

/// Every scope that this server uses, in both spellings.
fn known_scopes() -> Schema {
    let known = Scope::ALL;
    let names = known.iter().map(|scope| scope.name().to_owned());
    let older = known.iter().map(|scope| scope.name().replacen('.', ":", 1));
    let names: BTreeSet<String> = names.chain(older).collect();
    ArrayBuilder::new()
        .description(Some(
            "Names of known scopes; an empty list allows nothing, which is not the same as no restriction.",
        ))
        .items(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .enum_values(Some(names)),
        )
        .build()
        .into()
}

/// What a user granted this server.
#[utoipa::path(
    get,
    path = "/api/v1/users/{user_id}/access",
    tag = "access",
    security(("basic" = []), ("bearer" = [])),
    params(("user_id" = String, Path, description = "UID at Nextcloud: the caller's own.", min_length = 1, example = "alice")),
    responses(
        (status = 200, description = "What stands", body = Access, example = json!({
            "success": true, "user_id": "alice", "provisioned": true, "scopes": null, "username": "alice",
            "state": "active", "kind": "app_password", "created_at": "2026-03-01T08:00:00Z",
            "updated_at": "2026-03-01T08:00:00Z"
        })),
        ToBasic,
    ),
)]
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

/// Replaces the scopes of what a user granted.
///
/// An empty list allows nothing, which is not the same as no restriction.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{user_id}/scopes",
    tag = "access",
    security(("basic" = []), ("bearer" = [])),
    params(("user_id" = String, Path, description = "UID at Nextcloud: the caller's own.", min_length = 1, example = "alice")),
    request_body(content = ScopesBody, example = json!({"scopes": ["notes.read", "semantic.read"]})),
    responses(
        (status = 200, description = "They stand", body = ScopesSet, example = json!({
            "success": true, "user_id": "alice", "scopes": ["notes.read", "semantic.read"],
            "message": "Scopes updated for alice"
        })),
        ToBasic,
    ),
)]
pub(crate) async fn set_scopes(
    State(state): State<ManagementState>,
    ProvedUser(principal): ProvedUser,
    Origin(origin): Origin,
    body: Bytes,
) -> Result<Json<ScopesSet>, ApiError> {
    let body: ScopesBody =
        of_object(&body).map_err(|error| bad("Invalid request body").with_message(error.to_string()))?;
    let unknown: Vec<&str> = body
        .scopes
        .iter()
        .map(String::as_str)
        .filter(|name| !Scope::parse(name).is_ok_and(|scope| scope.is_known()))
        .collect();
    if !unknown.is_empty() {
        let shown: String = unknown.join(", ").chars().take(MAX_SHOWN).collect();
        let valid = ScopeSet::all().names();
        return Err(bad(format!("Invalid scopes: {shown}"))
            .with_field("success", false)
            .with_field("valid_scopes", valid));
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
            }))
        }
        Err(AccessError::NotProvisioned) => Err(ApiError::new(StatusCode::NOT_FOUND, "Not provisioned")
            .with_message("There is no background access whose scopes could be set.")),
        Err(error @ AccessError::Failed(_)) => Err(ApiError::internal(error)),
    }
}

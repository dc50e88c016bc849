//! `POST /api/v1/users/{id}/revoke`: the user takes back everything that they granted this server.

use crate::api::extract::{Origin, OwnPath};
use crate::api::openapi::ToBearer;
use crate::api::{ApiError, ManagementState};
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

/// What was taken back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revoked {
    /// True.
    success: bool,
    /// For people.
    message: String,
}

/// Takes back everything that the caller granted.
///
/// A success also when nothing stood.
#[utoipa::path(
    post,
    path = "/api/v1/users/{user_id}/revoke",
    tag = "access",
    security(("bearer" = [])),
    params(("user_id" = String, Path, description = "UID at Nextcloud: the caller's own.", min_length = 1, example = "alice")),
    responses(
        (status = 200, description = "Nothing stands any more", body = Revoked,
            example = json!({"success": true, "message": "Background access revoked for alice"})),
        ToBearer,
    ),
)]
pub(crate) async fn revoke(
    State(state): State<ManagementState>,
    OwnPath(user): OwnPath,
    Origin(origin): Origin,
) -> Result<Json<Revoked>, ApiError> {
    let parts = state.parts();
    let principal = user.principal();
    let outcome = parts.access.revoke(principal, &origin).await;
    // Whatever became of the rest: nobody is believed any more by what was found out before (case J09).
    parts.verifier.forget(principal).await;
    state.sessions().invalidate(principal.user()).await;
    let stood = outcome.map_err(ApiError::internal)?;
    let uid = principal.user();
    Ok(Json(Revoked {
        success: true,
        message: if stood {
            format!("Background access revoked for {uid}")
        } else {
            format!("No background access was granted by {uid}")
        },
    }))
}

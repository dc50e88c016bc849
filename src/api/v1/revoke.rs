//! `POST /api/v1/users/{id}/revoke`: the user takes back everything that they granted this server.

use crate::api::extract::{Origin, OwnPath};
use crate::api::{ApiError, ManagementState};
use axum::Json;
use axum::extract::State;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Revoked {
    success: bool,
    message: String,
}

/// Revokes; a success also when nothing stood.
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

//! `GET /health/live`: the process answers. Touches nothing, so that it answers while everything else is busy.

use crate::api::ApiState;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    /// `alive`.
    status: &'static str,
    /// How callers are authenticated; not told while the server starts.
    #[schema(required = false)]
    mode: &'static str,
}

/// Whether the process lives.
#[utoipa::path(
    get,
    path = "/health/live",
    tag = "health",
    responses((status = 200, description = "It does", body = Alive,
        example = json!({"status": "alive", "mode": "multi_user_basic"}))),
)]
pub(crate) async fn live(State(state): State<ApiState>) -> Json<Alive> {
    Json(Alive {
        status: "alive",
        mode: state.parts().facts.auth_mode,
    })
}

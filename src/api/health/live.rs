//! `GET /health/live`: the process answers. Touches nothing, so that it answers while everything else is busy.

use crate::api::ApiState;
use axum::Json;
use axum::extract::State;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Alive {
    status: &'static str,
    mode: &'static str,
}

pub(crate) async fn live(State(state): State<ApiState>) -> Json<Alive> {
    Json(Alive {
        status: "alive",
        mode: state.parts().facts.auth_mode,
    })
}

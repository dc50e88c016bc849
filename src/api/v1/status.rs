//! `GET /api/v1/status`: what this server is. Public; Astrolabe asks it with nearly every page, so it does no I/O.

use crate::api::{ApiState, StatusFacts};
use axum::Json;
use axum::extract::State;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct Status {
    #[serde(flatten)]
    facts: StatusFacts,
    uptime_seconds: u64,
}

pub(crate) async fn status(State(state): State<ApiState>) -> Json<Status> {
    let parts = state.parts();
    let uptime = parts.clock.now() - state.shared.started_at;
    Json(Status {
        facts: parts.facts.clone(),
        uptime_seconds: u64::try_from(uptime.num_seconds()).unwrap_or(0),
    })
}

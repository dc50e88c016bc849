//! `GET /health/ready`: what each dependency was like at the last probe.

use super::readiness::{Check, Readiness};
use crate::api::ApiState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What each dependency was like; `auth_mode` and `draining` are not told while the server starts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Report {
    /// `ready` or `not_ready`.
    status: &'static str,
    /// How callers are authenticated.
    #[schema(required = false)]
    auth_mode: &'static str,
    /// Whether the process is shutting down.
    #[schema(required = false)]
    draining: bool,
    /// By the dependency's name.
    checks: BTreeMap<&'static str, Check>,
}

/// Whether this server can serve.
///
/// Costs nothing: the dependencies are probed in the background.
#[utoipa::path(
    get,
    path = "/health/ready",
    tag = "health",
    responses(
        (status = 200, description = "It can", body = Report, example = json!({
            "status": "ready", "auth_mode": "multi_user_basic", "draining": false,
            "checks": {"database": {"status": "ok", "gating": true, "checked_at": "2026-03-01T08:00:00Z"}}
        })),
        (status = 503, description = "It cannot", body = Report),
    ),
)]
pub(crate) async fn ready(State(state): State<ApiState>) -> Response {
    let parts = state.parts();
    let readiness: &Readiness = &parts.readiness;
    let ready = readiness.is_ready();
    let report = Report {
        status: if ready { "ready" } else { "not_ready" },
        auth_mode: parts.facts.auth_mode,
        draining: readiness.is_draining(),
        checks: readiness.checks(),
    };
    let status = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(report)).into_response()
}

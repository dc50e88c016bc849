//! `GET /health/ready`: what each dependency was like at the last probe.

use super::readiness::{Check, Readiness};
use crate::api::ApiState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Report {
    status: &'static str,
    auth_mode: &'static str,
    draining: bool,
    checks: BTreeMap<&'static str, Check>,
}

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

//! `POST /webhooks/nextcloud` and `/api/v1/webhooks/callback`, which Astrolabe registers: where Nextcloud delivers.

mod caller;

pub(super) use caller::WebhookCaller;

use super::ApiError;
use crate::telemetry::record;
use crate::webhooks::{Ingress, IngressError, Receipt};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use serde::Serialize;

/// Bytes of a delivery. Nextcloud's own are a few hundred; a calendar entry or a table row stands in them whole.
const MAX_BODY_BYTES: usize = 1024 * 1024;

#[derive(Serialize)]
struct Answer {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// The routes; their layers are the router's.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(ingress: Ingress) -> Router<S> {
    Router::new()
        .route("/webhooks/nextcloud", post(deliver))
        .route("/api/v1/webhooks/callback", post(deliver))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(ingress)
}

/// Takes a delivery. The content type is not looked at: Nextcloud sends none (facts §0 row 10).
async fn deliver(
    State(ingress): State<Ingress>,
    WebhookCaller(registration): WebhookCaller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = body.map_err(|rejection| {
        record::webhook("malformed");
        ApiError::of_status(rejection.status())
    })?;
    let answer = match ingress.receive(&registration, &body).await? {
        Receipt::Accepted => Answer {
            status: "accepted",
            reason: None,
        },
        Receipt::Ignored(reason) => Answer {
            status: "ignored",
            reason: Some(reason.as_str()),
        },
    };
    Ok((StatusCode::ACCEPTED, Json(answer)).into_response())
}

impl From<IngressError> for ApiError {
    fn from(error: IngressError) -> Self {
        match error {
            IngressError::Payload(fault) => {
                Self::new(StatusCode::BAD_REQUEST, "Bad Request").with_message(fault.to_string())
            }
            error @ IngressError::NotKept => Self::unavailable("The delivery could not be kept", error),
        }
    }
}

#[cfg(test)]
mod tests;

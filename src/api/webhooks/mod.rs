//! `POST /webhooks/nextcloud` and `/api/v1/webhooks/callback`, which Astrolabe registers: where Nextcloud delivers.

mod caller;

pub(super) use caller::WebhookCaller;

use super::ApiError;
use super::openapi::{ToDeliveries, any_value, some_object};
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
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{OpenApi, PartialSchema, ToSchema};

/// Bytes of a delivery. Nextcloud's own are a few hundred; a calendar entry or a table row stands in them whole.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What these routes say of themselves.
#[derive(OpenApi)]
#[openapi(paths(deliver, deliver_as_astrolabe_registers))]
pub(super) struct Described;

/// What became of a delivery.
#[derive(Serialize, ToSchema)]
#[schema(as = DeliveryReceipt)]
pub(crate) struct Answer {
    /// `accepted` or `ignored`.
    status: &'static str,
    /// Why it was ignored: `unknown_event`, `not_indexed` or `not_synced`.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// A delivery as Nextcloud sends it. Nothing in it is believed, and fields of an unexpected type count as absent.
struct DeliveryBody;

impl PartialSchema for DeliveryBody {
    fn schema() -> RefOr<Schema> {
        some_object(
            "A delivery of Nextcloud's webhook_listeners. Nothing in it is believed: it is a hint to look.",
        )
        .property(
            "event",
            any_value("The event, with the name of its class in `class`."),
        )
        .property(
            "user",
            any_value("Who caused it: `uid` and `displayName`, or null."),
        )
        .property("time", any_value("When, in Unix seconds."))
        .into()
    }
}

impl ToSchema for DeliveryBody {}

/// The routes; their layers are the router's.
pub(super) fn routes<S: Clone + Send + Sync + 'static>(ingress: Ingress) -> Router<S> {
    Router::new()
        .route("/webhooks/nextcloud", post(deliver))
        .route("/api/v1/webhooks/callback", post(deliver_as_astrolabe_registers))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(ingress)
}

/// Takes a delivery.
///
/// When this answers 202, it is kept, once per document whatever the number of deliveries. The content type is not
/// looked at: Nextcloud sends none.
#[utoipa::path(
    post,
    path = "/webhooks/nextcloud",
    tag = "delivery",
    security(("webhook_secret" = [])),
    request_body(content = DeliveryBody, description = "At most 1 MiB.", example = json!({
        "event": {
            "class": "OCP\\Files\\Events\\Node\\NodeWrittenEvent",
            "node": {"id": 163, "path": "/alice/files/Notes/Ferry.md"}
        },
        "user": {"uid": "alice", "displayName": "Alice"}, "time": 1_772_323_200, "authentication": []
    })),
    responses(
        (status = 202, description = "Kept, or of no interest", body = Answer, example = json!({"status": "accepted"})),
        ToDeliveries,
    ),
)]
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

/// Takes a delivery, at the address that Astrolabe names.
///
/// The same as `/webhooks/nextcloud`.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/callback",
    tag = "delivery",
    security(("webhook_secret" = [])),
    request_body(content = DeliveryBody, description = "At most 1 MiB."),
    responses(
        (status = 202, description = "Kept, or of no interest", body = Answer, example = json!({"status": "accepted"})),
        ToDeliveries,
    ),
)]
async fn deliver_as_astrolabe_registers(
    ingress: State<Ingress>,
    caller: WebhookCaller,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    deliver(ingress, caller, body).await
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

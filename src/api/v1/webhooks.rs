//! `/api/v1/webhooks`: Nextcloud's webhooks in the name of an administrator, by the credential that they granted.
//!
//! Astrolabe compares `event` and `eventFilter` of the list with its presets by equality and deletes what matches
//! (facts §9): the list holds what was asked for and stands, no filter is `null`, and companions are left out.

use crate::api::extract::{AuthenticatedUser, Origin};
use crate::api::{ApiError, ManagementState};
use crate::nextcloud::Webhook;
use crate::webhooks::{EventSelector, WebhookError, Webhooks};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;

/// What a caller is told to wait while Nextcloud or the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A webhook as Astrolabe reads it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: i64,
    event: String,
    uri: String,
    event_filter: Option<Value>,
    user_id: Option<String>,
    http_method: String,
    auth_method: String,
}

impl From<Webhook> for Shown {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id,
            event_filter: webhook.event_filter().cloned(),
            event: webhook.event,
            uri: webhook.uri,
            user_id: webhook.user_id.map(|user| user.to_string()),
            http_method: webhook.http_method,
            auth_method: webhook.auth_method,
        }
    }
}

#[derive(Serialize)]
pub(crate) struct Listed {
    webhooks: Vec<Shown>,
}

/// What is asked for. `uri` is not read: webhooks are delivered to this server.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    event: String,
    #[serde(default, alias = "eventFilter")]
    event_filter: Option<Value>,
}

#[derive(Serialize)]
pub(crate) struct Registered {
    success: bool,
    webhook: Shown,
}

#[derive(Serialize)]
pub(crate) struct Removed {
    success: bool,
    message: &'static str,
}

/// What administrators asked for and stands.
pub(crate) async fn list_webhooks(
    State(state): State<ManagementState>,
    user: AuthenticatedUser,
) -> Result<Json<Listed>, ApiError> {
    let listed = webhooks(&state)?.list(user.principal()).await;
    let webhooks = listed.map_err(|error| answer(error, &state))?;
    Ok(Json(Listed {
        webhooks: webhooks.into_iter().map(Shown::from).collect(),
    }))
}

/// Registers, once whatever the number of calls.
pub(crate) async fn create_webhook(
    State(state): State<ManagementState>,
    user: AuthenticatedUser,
    Origin(origin): Origin,
    body: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<Registered>, ApiError> {
    let Json(wanted) = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE),
        _ => bad_request("the body must be a JSON object with `event`"),
    })?;
    let selector = EventSelector::new(&wanted.event, wanted.event_filter.as_ref())
        .map_err(|error| bad_request(error.to_string()))?;
    let registered = webhooks(&state)?
        .register(user.principal(), &selector, &origin)
        .await;
    Ok(Json(Registered {
        success: true,
        webhook: registered.map_err(|error| answer(error, &state))?.into(),
    }))
}

/// Removes one that was asked for.
pub(crate) async fn delete_webhook(
    State(state): State<ManagementState>,
    user: AuthenticatedUser,
    Origin(origin): Origin,
    Path(id): Path<String>,
) -> Result<Json<Removed>, ApiError> {
    let id = id.parse().map_err(|_| bad_request("Invalid webhook_id"))?;
    let removed = webhooks(&state)?.remove(user.principal(), id, &origin).await;
    removed.map_err(|error| answer(error, &state))?;
    Ok(Json(Removed {
        success: true,
        message: "Webhook deleted",
    }))
}

fn webhooks(state: &ManagementState) -> Result<&Webhooks, ApiError> {
    let parts = state.parts();
    parts.webhooks.as_ref().ok_or_else(|| {
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "Webhooks disabled").with_message(
            "This server stores no credentials to manage webhooks with; set ENABLE_OFFLINE_ACCESS and TOKEN_ENCRYPTION_KEY.",
        )
    })
}

fn bad_request(message: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "Bad request").with_message(message)
}

fn answer(error: WebhookError, state: &ManagementState) -> ApiError {
    match error {
        WebhookError::ConsentNeeded => consent_needed(&state.parts().consent_url),
        WebhookError::Forbidden(reason) => {
            ApiError::new(StatusCode::FORBIDDEN, "Forbidden").with_message(format!(
                "Managing webhooks needs an administrator or a delegated admin: occ admin-delegation:add \
             'OCA\\WebhookListeners\\Settings\\Admin' GROUP. Nextcloud says: {reason}"
            ))
        }
        WebhookError::NoApp => ApiError::new(StatusCode::BAD_GATEWAY, "Webhooks unavailable").with_message(
            "The app webhook_listeners is not enabled at Nextcloud: occ app:enable webhook_listeners",
        ),
        WebhookError::Refused(reason) => bad_request(format!("Nextcloud refused the webhook: {reason}")),
        WebhookError::NotFound => ApiError::new(StatusCode::NOT_FOUND, "Not found")
            .with_message("There is no such webhook of this server"),
        WebhookError::Busy => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
            .with_message("Webhooks are being changed by another request; try again")
            .with_retry_after(RETRY_AFTER),
        error @ WebhookError::Nextcloud(_) => {
            ApiError::unavailable("Nextcloud cannot be asked now", error).with_retry_after(RETRY_AFTER)
        }
        error @ (WebhookError::Credential(_) | WebhookError::Store(_)) => {
            ApiError::unavailable("Webhooks cannot be managed now", error).with_retry_after(RETRY_AFTER)
        }
    }
}

/// Astrolabe shows an administrator only the beginning of an error: the address comes first.
fn consent_needed(consent_url: &str) -> ApiError {
    ApiError::new(StatusCode::PRECONDITION_REQUIRED, "Consent needed").with_message(format!(
        "{consent_url} must be opened by you, signed in to Nextcloud as this administrator, to let this server manage \
         webhooks in your name."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_consent_url_stands_where_astrolabe_shows_it() {
        let url = "https://mcp.cloud.example.org/oauth/authorize-nextcloud";
        let body: Value = serde_json::from_slice(&consent_needed(url).body(None)).unwrap();
        let message: String = body["message"].as_str().unwrap().chars().take(100).collect();
        assert!(message.contains(url), "{message}");
        // Astrolabe's HTTP client cuts the body after 120 characters.
        let shown: String = body.to_string().chars().take(120).collect();
        assert!(shown.contains(url), "{shown}");
    }

    #[test]
    fn both_spellings_of_the_filter_are_read_and_none_is_null() {
        for name in ["event_filter", "eventFilter"] {
            let wanted: Wanted = serde_json::from_value(json!({"event": "A", name: {"a": "b"}})).unwrap();
            assert_eq!(wanted.event_filter, Some(json!({"a": "b"})));
        }
        let webhook = Webhook::registered(1, crate::ids::UserId::new("admin"), "u", "A", None);
        let shown = serde_json::to_value(Shown::from(webhook)).unwrap();
        assert_eq!(shown["eventFilter"], Value::Null);
        assert!(shown.as_object().unwrap().contains_key("eventFilter"));
    }
}

//! `/api/v1/webhooks`: Nextcloud's webhooks in the name of an administrator, by the credential that they granted.
//!
//! Astrolabe compares `event` and `eventFilter` of the list with its presets by equality and deletes what matches
//! (facts §9): the list holds what was asked for and stands, no filter is `null`, and companions are left out.

use crate::api::extract::{AuthenticatedUser, Origin};
use crate::api::openapi::{ToBearer, ToWebhooks, some_object};
use crate::api::{ApiError, ManagementState};
use crate::nextcloud::Webhook;
use crate::webhooks::{EventSelector, WebhookError, Webhooks};
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::time::Duration;
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ArrayItems, ObjectBuilder, Schema, Type};

/// What a caller is told to wait while Nextcloud or the database is away.
const RETRY_AFTER: Duration = Duration::from_secs(10);

/// A webhook as Astrolabe reads it.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhook)]
#[serde(rename_all = "camelCase")]
struct Shown {
    /// Nextcloud's.
    id: i64,
    /// Class of the event, without a leading backslash.
    event: String,
    /// Where Nextcloud delivers to: this server.
    uri: String,
    /// Which events of the class; null: all.
    #[schema(required, schema_with = filter_or_null)]
    event_filter: Option<Value>,
    /// In whose name it stands.
    #[schema(required)]
    user_id: Option<String>,
    /// `POST`.
    http_method: String,
    /// `header`.
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

/// What administrators asked for and stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Webhooks)]
pub(crate) struct Listed {
    /// Without what this server registers beside it.
    webhooks: Vec<Shown>,
}

/// What is asked for. `uri` is not read: webhooks are delivered to this server.
#[derive(Deserialize, ToSchema)]
#[schema(as = WebhookWanted)]
pub(crate) struct Wanted {
    /// Class of the event, with or without a leading backslash.
    #[schema(
        pattern = r"^\\?[A-Za-z0-9_][A-Za-z0-9_\\]{0,199}$",
        example = "OCP\\Files\\Events\\Node\\NodeWrittenEvent"
    )]
    event: String,
    /// Which events of the class, in at most 4 KiB of JSON; `eventFilter` is another spelling of the name.
    #[serde(default, alias = "eventFilter")]
    #[schema(schema_with = filter_wanted)]
    event_filter: Option<Value>,
}

/// What stands now.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookRegistered)]
pub(crate) struct Registered {
    /// True.
    success: bool,
    /// As Nextcloud has it.
    webhook: Shown,
}

/// What went.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookRemoved)]
pub(crate) struct Removed {
    /// True.
    success: bool,
    /// For people.
    message: &'static str,
}

fn filter_or_null() -> Schema {
    any_filter(false)
        .description(Some("Which events of the class; null: all."))
        .build()
        .into()
}

fn filter_wanted() -> Schema {
    any_filter(true)
        .description(Some(
            "Which events of the class, in at most 4 KiB of JSON; `eventFilter` is another spelling of the name.",
        ))
        .build()
        .into()
}

/// PHP writes an empty map as a list.
fn any_filter(with_empty_list: bool) -> AnyOfBuilder {
    let some = AnyOfBuilder::new()
        .item(some_object("A filter in the syntax of MongoDB."))
        .item(ObjectBuilder::new().schema_type(Type::Null));
    if with_empty_list {
        some.item(ArrayBuilder::new().items(ArrayItems::False).max_items(Some(0)))
    } else {
        some
    }
}

/// The webhooks that administrators asked for and that stand.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "They stand now", body = Listed, example = json!({"webhooks": [{
            "id": 7, "event": "OCP\\Files\\Events\\Node\\NodeWrittenEvent",
            "uri": "https://mcp.example.org/webhooks/nextcloud", "eventFilter": null, "userId": "admin",
            "httpMethod": "POST", "authMethod": "header"
        }]})),
        ToBearer, ToWebhooks,
    ),
)]
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

/// Registers a webhook, once whatever the number of calls.
///
/// Where it is delivered to is this server's own matter: a `uri` in the body is not read.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks",
    tag = "webhooks",
    security(("bearer" = [])),
    request_body(content = Wanted, example = json!({
        "event": "OCP\\Files\\Events\\Node\\NodeWrittenEvent",
        "event_filter": {"event.node.path": "/^\\/.*\\/files\\/Notes\\//"}
    })),
    responses(
        (status = 200, description = "It stands", body = Registered, example = json!({"success": true, "webhook": {
            "id": 7, "event": "OCP\\Files\\Events\\Node\\NodeWrittenEvent",
            "uri": "https://mcp.example.org/webhooks/nextcloud",
            "eventFilter": {"event.node.path": "/^\\/.*\\/files\\/Notes\\//"},
            "userId": "admin", "httpMethod": "POST", "authMethod": "header"
        }})),
        ToBearer, ToWebhooks,
    ),
)]
pub(crate) async fn create_webhook(
    State(state): State<ManagementState>,
    user: AuthenticatedUser,
    Origin(origin): Origin,
    body: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Result<Json<Registered>, ApiError> {
    let no_event = || bad_request("the body must be a JSON object with `event`");
    let Json(fields) = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::of_status(StatusCode::PAYLOAD_TOO_LARGE),
        _ => no_event(),
    })?;
    let wanted = Wanted::deserialize(Value::Object(fields)).map_err(|_| no_event())?;
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

/// Removes a webhook that was asked for.
#[utoipa::path(
    delete,
    path = "/api/v1/webhooks/{id}",
    tag = "webhooks",
    security(("bearer" = [])),
    params(("id" = i64, Path, description = "Nextcloud's id of it.", example = 7)),
    responses(
        (status = 200, description = "It is gone", body = Removed,
            example = json!({"success": true, "message": "Webhook deleted"})),
        ToBearer, ToWebhooks,
    ),
)]
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
        WebhookError::ConsentNeeded => state.provisioning_required(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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

//! `/api/v1/users/{id}/app-password`: the background credential of a user (hybrid mode).
//!
//! Each call proves the caller at Nextcloud (OCS v2) and acts only on the UID that Nextcloud answers. At most five
//! attempts per hour, client address and path user: nobody can lock out somebody else by naming them from elsewhere.

use super::params::{bad, of_object};
use crate::api::extract::{ClaimedUser, Origin, not_yours};
use crate::api::openapi::{ToAppPasswords, list_of};
use crate::api::{ApiError, ApiState};
use crate::auth::scopes::Scope;
use crate::auth::{AppPasswordError, AppPasswords, AuthError, budget_address};
use crate::ids::{LoginName, UserId};
use crate::nextcloud::Credential;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ArrayItems, ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Most scopes of one credential.
const MAX_SCOPES: usize = 64;
/// Characters of the longest login name.
const MAX_LOGIN_NAME: usize = 255;

/// What may be said with an app password.
#[derive(Deserialize, Default, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StoreBody {
    /// What it shall be used for; absent: anything.
    #[schema(schema_with = scopes_of_a_credential)]
    scopes: Option<Vec<String>>,
    /// The login name, where it differs from the UID.
    #[schema(
        min_length = 1,
        max_length = 255,
        pattern = r"^[^:\u0000-\u001f\u007f-\u009f]+$"
    )]
    username: Option<String>,
}

/// The body as clients may send it: PHP writes an empty map as a list.
pub(crate) struct StoreBodies;

impl PartialSchema for StoreBodies {
    fn schema() -> RefOr<Schema> {
        let nothing = ArrayBuilder::new().items(ArrayItems::False).max_items(Some(0));
        AnyOfBuilder::new().item(StoreBody::schema()).item(nothing).into()
    }
}

impl ToSchema for StoreBodies {}

fn scopes_of_a_credential() -> Schema {
    let scope = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some(r"^[!#-\[\]-~]+$"));
    list_of(
        scope,
        Some(MAX_SCOPES),
        "What it shall be used for; absent: anything.",
    )
}

/// What was stored.
#[derive(Serialize, ToSchema)]
#[schema(as = AppPasswordStored)]
pub(crate) struct Stored {
    /// True.
    success: bool,
    /// For people.
    message: String,
    /// As they were sent.
    #[schema(required)]
    scopes: Option<Vec<String>>,
}

/// Whether one is stored.
#[derive(Serialize, ToSchema)]
#[schema(as = AppPasswordShown)]
pub(crate) struct Shown {
    /// True.
    success: bool,
    /// The UID.
    #[schema(value_type = String)]
    user_id: UserId,
    /// Whether one is stored.
    has_app_password: bool,
}

/// What was removed.
#[derive(Serialize, ToSchema)]
#[schema(as = AppPasswordRemoved)]
pub(crate) struct Removed {
    /// True.
    success: bool,
    /// For people.
    message: String,
}

/// Stores the app password of the `Authorization` header.
///
/// Nextcloud is asked whether it is good. At most five times an hour per name and address.
#[utoipa::path(
    post,
    operation_id = "store_app_password",
    path = "/api/v1/users/{user_id}/app-password",
    tag = "access",
    security(("basic" = [])),
    params(("user_id" = String, Path, description = "UID at Nextcloud: the caller's own.", min_length = 1, example = "alice")),
    request_body(content = Option<StoreBodies>, description = "May be empty.", content_type = "application/json",
        example = json!({"scopes": ["notes.read", "semantic.read"], "username": "alice"})),
    responses(
        (status = 200, description = "It is stored", body = Stored, example = json!({
            "success": true, "message": "App password stored for alice", "scopes": ["notes.read", "semantic.read"]
        })),
        ToAppPasswords,
    ),
)]
pub(crate) async fn post(
    State(state): State<ApiState>,
    caller: ClaimedUser,
    Origin(origin): Origin,
    body: Bytes,
) -> Result<Json<Stored>, ApiError> {
    let service = service(&state)?;
    let body = parse_body(&body)?;
    let attempt = Attempt::start(&state, &caller)?;
    // Success counts too: nobody needs to store a credential more than five times an hour.
    attempt.count();
    let Credential::Basic { login_name, password } = caller.credential else {
        return Err(not_yours());
    };
    let login_name = body.username.map_or(login_name, LoginName::new);
    service
        .store(
            &caller.user,
            login_name,
            password,
            body.scopes.clone(),
            caller.client,
            &origin,
        )
        .await
        .map_err(credential_error)?;
    let message = format!("App password stored for {}", caller.user);
    Ok(Json(Stored {
        success: true,
        message,
        scopes: body.scopes,
    }))
}

/// Says whether an app password is stored.
#[utoipa::path(
    get,
    operation_id = "show_app_password",
    path = "/api/v1/users/{user_id}/app-password",
    tag = "access",
    security(("basic" = [])),
    params(("user_id" = String, Path, description = "UID at Nextcloud: the caller's own.", min_length = 1, example = "alice")),
    responses(
        (status = 200, description = "Whether one is", body = Shown,
            example = json!({"success": true, "user_id": "alice", "has_app_password": true})),
        ToAppPasswords,
    ),
)]
pub(crate) async fn get(State(state): State<ApiState>, caller: ClaimedUser) -> Result<Json<Shown>, ApiError> {
    let attempt = Attempt::start(&state, &caller)?;
    let answer = service(&state)?
        .is_stored(&caller.user, &caller.credential, caller.client)
        .await;
    let has_app_password = attempt.finish(answer)?;
    Ok(Json(Shown {
        success: true,
        user_id: caller.user,
        has_app_password,
    }))
}

/// Removes the stored app password.
///
/// A success also when none was stored.
#[utoipa::path(
    delete,
    operation_id = "remove_app_password",
    path = "/api/v1/users/{user_id}/app-password",
    tag = "access",
    security(("basic" = [])),
    params(("user_id" = String, Path, description = "UID at Nextcloud: the caller's own.", min_length = 1, example = "alice")),
    responses(
        (status = 200, description = "None is stored any more", body = Removed,
            example = json!({"success": true, "message": "App password deleted for alice"})),
        ToAppPasswords,
    ),
)]
pub(crate) async fn delete(
    State(state): State<ApiState>,
    caller: ClaimedUser,
    Origin(origin): Origin,
) -> Result<Json<Removed>, ApiError> {
    let attempt = Attempt::start(&state, &caller)?;
    let answer = service(&state)?
        .remove(&caller.user, &caller.credential, caller.client, &origin)
        .await;
    let removed = attempt.finish(answer)?;
    let message = if removed {
        format!("App password deleted for {}", caller.user)
    } else {
        format!("No app password was stored for {}", caller.user)
    };
    Ok(Json(Removed {
        success: true,
        message,
    }))
}

fn service(state: &ApiState) -> Result<&AppPasswords, ApiError> {
    state
        .parts()
        .app_passwords
        .as_ref()
        .ok_or_else(|| ApiError::of_status(StatusCode::NOT_FOUND))
}

/// Astrolabe sends an empty body with a JSON content type; both that and no content type are fine.
fn parse_body(body: &[u8]) -> Result<StoreBody, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(StoreBody::default());
    }
    // PHP encodes an empty map as a list, and others nothing as null.
    if matches!(body.trim_ascii(), b"[]" | b"null") {
        return Ok(StoreBody::default());
    }
    let body: StoreBody =
        of_object(body).map_err(|error| bad("Invalid request body").with_message(error.to_string()))?;
    if body.username.as_ref().is_some_and(|name| !is_login_name(name)) {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "Invalid username"));
    }
    let scopes = body.scopes.as_deref().unwrap_or_default();
    if scopes.len() > MAX_SCOPES || scopes.iter().any(|scope| Scope::parse(scope).is_err()) {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "Invalid scopes"));
    }
    Ok(body)
}

/// What can stand before the colon of Basic credentials (RFC 7617 §2).
fn is_login_name(name: &str) -> bool {
    let fits = (1..=MAX_LOGIN_NAME).contains(&name.chars().count());
    fits && !name.contains(|character: char| character == ':' || character.is_control())
}

/// One attempt of a client on a user's credential routes.
struct Attempt<'a> {
    state: &'a ApiState,
    key: (IpAddr, UserId),
}

impl<'a> Attempt<'a> {
    fn start(state: &'a ApiState, caller: &ClaimedUser) -> Result<Self, ApiError> {
        let key = (budget_address(caller.client), caller.user.clone());
        state.shared.attempts.check(&key).map_err(|full| {
            ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Rate limit exceeded")
                .with_retry_after(full.retry_after)
        })?;
        Ok(Self { state, key })
    }

    fn count(&self) {
        self.state.shared.attempts.record(self.key.clone());
    }

    /// Counts failures of the caller only.
    fn finish<T>(&self, answer: Result<T, AppPasswordError>) -> Result<T, ApiError> {
        let callers_fault = matches!(
            &answer,
            Err(AppPasswordError::OtherUser | AppPasswordError::Auth(AuthError::Refused(_)))
        );
        if callers_fault {
            self.count();
        }
        answer.map_err(credential_error)
    }
}

/// The answer to a Basic credential that was not proved, or to what failed after its proof.
pub(in crate::api) fn credential_error(error: AppPasswordError) -> ApiError {
    match error {
        AppPasswordError::Format => ApiError::new(StatusCode::BAD_REQUEST, "Invalid app password format"),
        AppPasswordError::OtherUser => not_yours(),
        AppPasswordError::Auth(error @ AuthError::Refused(_)) => {
            ApiError::from(error).with_error("Invalid app password")
        }
        AppPasswordError::Auth(AuthError::Unavailable { retry_after }) => {
            ApiError::new(StatusCode::BAD_GATEWAY, "Failed to validate credentials")
                .with_retry_after(retry_after)
        }
        AppPasswordError::Auth(error) => error.into(),
        AppPasswordError::Store(error) => ApiError::internal(error),
        AppPasswordError::Removal(error) => ApiError::internal(error),
    }
}

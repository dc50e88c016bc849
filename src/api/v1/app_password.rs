//! `/api/v1/users/{id}/app-password`: the background credential of a user (hybrid mode).
//!
//! Each call proves the caller at Nextcloud (OCS v2) and acts only on the UID that Nextcloud answers. At most five
//! attempts per hour, client address and path user: nobody can lock out somebody else by naming them from elsewhere.

use crate::api::extract::{ClaimedUser, Origin, not_yours};
use crate::api::{ApiError, ApiState};
use crate::auth::{AppPasswordError, AppPasswords, AuthError, budget_address};
use crate::ids::{LoginName, UserId};
use crate::nextcloud::Credential;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct StoreBody {
    scopes: Option<Vec<String>>,
    /// The login name, where it differs from the UID.
    username: Option<String>,
}

#[derive(Serialize)]
pub(crate) struct Stored {
    success: bool,
    message: String,
    scopes: Option<Vec<String>>,
}

#[derive(Serialize)]
pub(crate) struct Shown {
    success: bool,
    user_id: UserId,
    has_app_password: bool,
}

#[derive(Serialize)]
pub(crate) struct Removed {
    success: bool,
    message: String,
}

/// Stores the app password of the `Authorization` header.
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

/// Says whether one is stored.
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

/// Removes it; a success also when none was stored.
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
    // PHP encodes an empty map as a list.
    if body.trim_ascii() == b"[]" {
        return Ok(StoreBody::default());
    }
    let body: StoreBody = serde_json::from_slice(body).map_err(|error| {
        ApiError::new(StatusCode::BAD_REQUEST, "Invalid request body").with_message(error.to_string())
    })?;
    if body
        .username
        .as_ref()
        .is_some_and(|name| name.is_empty() || name.contains(':') || name.len() > 255)
    {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "Invalid username"));
    }
    Ok(body)
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

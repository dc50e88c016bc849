//! The uniform error body: `{"error", "message"?, "scopes_required"?, "request_id"}`.
//!
//! Handlers return [`ApiError`]; the `observe` layer adds the request id, logs what is a 5xx and gives the same
//! shape to errors that axum or the MCP transport made.

use crate::auth::scopes::ScopeSet;
use crate::auth::{AuthError, Challenge, OAuthChallenge};
use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// The text for faults whose cause stays inside.
const INTERNAL: &str = "An internal error occurred. Please contact your administrator.";

/// An error answer.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    error: Cow<'static, str>,
    message: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    challenge: Option<Challenge>,
    scopes_required: Option<Box<ScopeSet>>,
    fields: Option<Box<Map<String, Value>>>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scopes_required: Option<&'a ScopeSet>,
    #[serde(flatten)]
    fields: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

impl ApiError {
    /// An error with a text for people.
    pub fn new(status: StatusCode, error: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            error: error.into(),
            message: None,
            retry_after: None,
            challenge: None,
            scopes_required: None,
            fields: None,
            cause: None,
        }
    }

    /// A 500 whose cause is logged and not shown.
    pub fn internal(cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..Self::new(StatusCode::INTERNAL_SERVER_ERROR, INTERNAL)
        }
    }

    /// A 503 whose cause is logged and not shown.
    pub fn unavailable(error: &'static str, cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
        }
    }

    /// A 401 with a challenge.
    pub fn unauthorized(challenge: Challenge) -> Self {
        Self {
            challenge: Some(challenge),
            ..Self::new(StatusCode::UNAUTHORIZED, "Unauthorized")
        }
    }

    /// A 403 to a token that lacks the `needed` scopes; `challenge` says which a better one should have (RFC 6750 §3.1).
    pub fn insufficient_scope(challenge: OAuthChallenge, needed: ScopeSet) -> Self {
        Self {
            challenge: Some(Challenge::OAuth(Box::new(challenge))),
            scopes_required: Some(Box::new(needed)),
            ..Self::new(StatusCode::FORBIDDEN, "insufficient_scope")
        }
    }

    /// The usual text of a status, for errors that a layer or the transport made.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::INTERNAL_SERVER_ERROR => Self::new(status, INTERNAL),
            _ => Self::new(status, status.canonical_reason().unwrap_or("Error")),
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Adds a field that a route's contract names.
    #[must_use]
    pub(super) fn with_field(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields
            .get_or_insert_default()
            .insert(name.to_owned(), value.into());
        self
    }

    /// Leaves only the error.
    #[must_use]
    pub(super) fn without_message(mut self) -> Self {
        self.message = None;
        self
    }

    /// Replaces the text for people.
    #[must_use]
    pub(super) fn with_error(mut self, error: &'static str) -> Self {
        self.error = Cow::Borrowed(error);
        self
    }

    /// Adds `Retry-After`.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Status of the answer.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened, for people.
    pub(super) fn text(&self) -> &str {
        &self.error
    }

    pub(super) fn cause(&self) -> Option<String> {
        self.cause.as_ref().map(|cause| {
            let mut text = cause.to_string();
            let mut next = cause.source();
            while let Some(inner) = next {
                text = format!("{text}: {inner}");
                next = inner.source();
            }
            text
        })
    }

    /// The JSON text.
    pub(super) fn body(&self, request_id: Option<&str>) -> Vec<u8> {
        serde_json::to_vec(&self.fields(request_id)).unwrap_or_default()
    }

    fn fields<'a>(&'a self, request_id: Option<&'a str>) -> Body<'a> {
        Body {
            error: &self.error,
            message: self.message.as_deref(),
            scopes_required: self.scopes_required.as_deref(),
            fields: self.fields.as_deref(),
            request_id,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.fields(None))).into_response();
        if let Some(wait) = self.retry_after {
            // Rounded up: a client that comes back at the very second must not be early.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        let challenge = self.challenge.as_ref().map(Challenge::header);
        if let Some(challenge) = challenge.and_then(|value| HeaderValue::from_str(&value).ok()) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let text = error.to_string();
        match error {
            AuthError::Missing(challenge) | AuthError::Refused(challenge) => {
                Self::unauthorized(challenge).with_message(text)
            }
            AuthError::UnknownUser => Self::new(StatusCode::FORBIDDEN, "Forbidden").with_message(text),
            AuthError::Malformed(_) => Self::new(StatusCode::BAD_REQUEST, "Bad Request").with_message(text),
            AuthError::TooLarge => Self::new(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            )
            .with_message(text),
            AuthError::Throttled { retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
                    .with_message(text)
                    .with_retry_after(retry_after)
            }
            AuthError::Unavailable { retry_after } | AuthError::ProviderUnavailable { retry_after, .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
                    .with_message(text)
                    .with_retry_after(retry_after)
            }
        }
    }
}

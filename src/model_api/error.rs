//! Why a model service gave no answer.

use http::StatusCode;
use serde_json::Value;

/// Longest error code that is passed on.
const LONGEST_CODE: usize = 48;

/// Why a model service gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ModelApiError {
    /// No connection, or it broke.
    #[error("{0}")]
    Unreachable(String),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// 429 or 5xx, after all attempts.
    #[error("HTTP {0}")]
    Overloaded(u16),
    /// 401 or 403.
    #[error("the API key was refused (HTTP {0})")]
    KeyRefused(u16),
    /// 404: no such address, or no such model.
    #[error("HTTP 404")]
    NotFound,
    /// Another status; the text adds the service's error code, if it gave one.
    #[error("{0}")]
    Refused(String),
    /// Not the JSON that it should be.
    #[error("the answer is not what the protocol says: {0}")]
    Answer(String),
    /// The client cannot be built, or the key fits no header.
    #[error("{0}")]
    Unusable(String),
}

impl ModelApiError {
    /// What a status other than 200 means.
    pub(super) fn of(status: StatusCode, body: &[u8]) -> Self {
        match status.as_u16() {
            code @ (401 | 403) => Self::KeyRefused(code),
            404 => Self::NotFound,
            code @ (408 | 425 | 429 | 500..=599) => Self::Overloaded(code),
            code => Self::Refused(match error_code(body) {
                Some(name) => format!("HTTP {code} ({name})"),
                None => format!("HTTP {code}"),
            }),
        }
    }

    /// Whether the same request may succeed later.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Timeout | Self::Overloaded(_))
    }
}

/// The name of an error as `OpenAI` gives it, such as `context_length_exceeded`; a sentence is none.
fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    let name = error
        .get("code")
        .and_then(Value::as_str)
        .or_else(|| error.get("type").and_then(Value::as_str))?;
    let is_name = name.len() <= LONGEST_CODE
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    is_name.then(|| name.to_owned())
}

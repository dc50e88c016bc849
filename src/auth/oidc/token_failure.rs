//! What an answer without tokens means for the grant (RFC 6749 §5.2, facts §3, case T12).

use super::{IdpAnswer, IdpHttpError, TokenFailure};
use crate::nextcloud::{plain_text, retry_after};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Deserialize;

/// Longer words of an error text are left out: they may be tokens.
const LONGEST_WORD: usize = 40;

/// RFC 6749 §5.2.
#[derive(Debug, Deserialize)]
struct ErrorAnswer {
    error: String,
    error_description: Option<String>,
}

/// The failure that `answer`, which holds no tokens, stands for.
pub(super) fn of_answer(answer: &IdpAnswer, now: DateTime<Utc>) -> TokenFailure {
    let status = answer.status;
    if status == StatusCode::TOO_MANY_REQUESTS {
        return TokenFailure::Throttled {
            retry_after: retry_after(&answer.headers, now),
        };
    }
    if status == StatusCode::SERVICE_UNAVAILABLE
        && answer.headers.contains_key("x-nextcloud-maintenance-mode")
    {
        return TokenFailure::Unreachable("Nextcloud is in maintenance mode".to_owned());
    }
    // Nothing may be concluded from it alone.
    if status == StatusCode::INTERNAL_SERVER_ERROR && answer.body.trim_ascii_start().starts_with(b"<") {
        return TokenFailure::InternalError("HTTP 500 with a page".to_owned());
    }
    if status.is_server_error() || status.is_success() {
        return TokenFailure::Uncertain(format!("HTTP {} without tokens", status.as_u16()));
    }
    match answer.json::<ErrorAnswer>() {
        Ok(error) => of_error(&error),
        Err(_not_json) => TokenFailure::Unreachable(format!(
            "HTTP {} that is no answer of a token endpoint",
            status.as_u16()
        )),
    }
}

/// The failure that no whole answer stands for.
pub(super) fn of_transport(error: IdpHttpError) -> TokenFailure {
    match error {
        IdpHttpError::NotSent(text) | IdpHttpError::Unusable(text) => TokenFailure::Unreachable(text),
        sent => TokenFailure::Uncertain(sent.to_string()),
    }
}

fn of_error(answer: &ErrorAnswer) -> TokenFailure {
    let text = match &answer.error_description {
        Some(description) => format!("{}: {}", speakable(&answer.error), speakable(description)),
        None => speakable(&answer.error),
    };
    match answer.error.as_str() {
        "invalid_grant" => TokenFailure::InvalidGrant(text),
        // `expired_client` is the `oidc` app's word for a registration that ran out (case O16).
        "invalid_client" | "expired_client" | "unauthorized_client" => TokenFailure::InvalidClient(text),
        "temporarily_unavailable" => TokenFailure::Unreachable(text),
        _ => TokenFailure::Refused(text),
    }
}

/// The provider's words as one short line, without what could be a token.
pub(super) fn speakable(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        if word.chars().count() > LONGEST_WORD {
            "…"
        } else {
            word
        }
    });
    plain_text(&words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};
    use std::time::Duration;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000, 0).unwrap()
    }

    fn of(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> TokenFailure {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_static(value));
        }
        let answer = IdpAnswer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: map,
            body: Bytes::from_static(body.as_bytes()),
        };
        of_answer(&answer, now())
    }

    #[test]
    fn t12_every_kind_of_failure_is_told_apart() {
        let rotated = r#"{"error":"invalid_grant","error_description":"Refresh token is expired."}"#;
        let text = "invalid_grant: Refresh token is expired.".to_owned();
        assert_eq!(of(400, &[], rotated), TokenFailure::InvalidGrant(text));
        for client in ["invalid_client", "expired_client", "unauthorized_client"] {
            let body: &'static str = format!(r#"{{"error":"{client}"}}"#).leak();
            assert_eq!(of(400, &[], body), TokenFailure::InvalidClient(client.to_owned()));
            assert_eq!(of(401, &[], body), TokenFailure::InvalidClient(client.to_owned()));
        }
        assert!(matches!(
            of(400, &[], r#"{"error":"invalid_request"}"#),
            TokenFailure::Refused(_)
        ));
        assert_eq!(
            of(429, &[("retry-after", "7")], ""),
            TokenFailure::Throttled {
                retry_after: Some(Duration::from_secs(7))
            }
        );
        let maintenance = [("x-nextcloud-maintenance-mode", "1"), ("retry-after", "120")];
        assert!(matches!(
            of(503, &maintenance, "<html>"),
            TokenFailure::Unreachable(_)
        ));
        for (status, body) in [
            (500, ""),
            (500, r#"{"error":"server_error"}"#),
            (502, "<html>"),
            (503, ""),
            (504, rotated),
            (200, "<html>"),
            (200, "{}"),
        ] {
            assert!(
                matches!(of(status, &[], body), TokenFailure::Uncertain(_)),
                "{status}"
            );
        }
        for page in ["<html>", "\n<!DOCTYPE html>"] {
            assert!(
                matches!(of(500, &[], page), TokenFailure::InternalError(_)),
                "{page}"
            );
        }
        for status in [302, 403, 404, 413] {
            assert!(
                matches!(of(status, &[], "<html>"), TokenFailure::Unreachable(_)),
                "{status}"
            );
        }
    }

    #[test]
    fn t12_what_was_not_sent_is_not_uncertain() {
        assert!(matches!(
            of_transport(IdpHttpError::NotSent("refused".into())),
            TokenFailure::Unreachable(_)
        ));
        for sent in [
            IdpHttpError::NoAnswer("no answer in time".into()),
            IdpHttpError::TooLarge,
        ] {
            assert!(matches!(of_transport(sent), TokenFailure::Uncertain(_)));
        }
    }

    #[test]
    fn an_error_text_carries_no_token_on() {
        let spoken = speakable("Token eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl is\r\nunknown");
        assert_eq!(spoken, "Token … is unknown");
    }
}

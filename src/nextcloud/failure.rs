//! From a failed answer to a typed error, by the measured shapes (facts §1): OCS `meta`, `{"message":…}`, DAV
//! `<s:exception>` and `<s:message>`; HTML says nothing.

use super::NextcloudError;
use super::http::HostFault;
use chrono::{DateTime, Utc};
use quick_xml::events::Event;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::Deserialize;
use std::time::Duration;

/// Longest message that is passed on, in characters.
const MESSAGE_LIMIT: usize = 200;
/// How much of an error's body is read.
const BODY_LIMIT: usize = 64 * 1024;
/// A 412 of the Notes API holds the whole current note.
const CURRENT_STATE_LIMIT: usize = 16 * 1024 * 1024;

/// What a failed answer means.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: NextcloudError,
    /// Set when the host, not the request, is the problem.
    pub(super) fault: Option<HostFault>,
    pub(super) retry_after: Option<Duration>,
}

/// How much of the body [`classify`] needs, in bytes.
pub(super) fn body_limit(status: StatusCode) -> usize {
    if status == StatusCode::PRECONDITION_FAILED {
        CURRENT_STATE_LIMIT
    } else {
        BODY_LIMIT
    }
}

/// Reads a failed answer.
pub(super) fn classify(status: StatusCode, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Failure {
    let retry_after = retry_after(headers, now);
    let reason = Reason::read(body);
    let fault = host_fault(status, headers, &reason);
    let error = match &fault {
        Some(HostFault::Throttled) => NextcloudError::Throttled { retry_after },
        Some(HostFault::Maintenance) => NextcloudError::Maintenance { retry_after },
        _ => request_error(status.as_u16(), reason, body),
    };
    Failure {
        error,
        fault,
        retry_after,
    }
}

fn host_fault(status: StatusCode, headers: &HeaderMap, reason: &Reason) -> Option<HostFault> {
    let code = status.as_u16();
    match code {
        429 => Some(HostFault::Throttled),
        _ if reason.disabled_user() || reason.forbidden_path() => None,
        503 if headers.contains_key("x-nextcloud-maintenance-mode")
            || reason.names("ServerMaintenanceMode") =>
        {
            Some(HostFault::Maintenance)
        }
        // Sabre answers 503 for one storage that is away, too: that is not yet the host.
        503 if reason.exception.is_some() => Some(HostFault::Failing(code)),
        502..=504 => Some(HostFault::Overloaded(code)),
        507 => None,
        500.. => Some(HostFault::Failing(code)),
        _ => None,
    }
}

fn request_error(status: u16, reason: Reason, body: &[u8]) -> NextcloudError {
    if reason.disabled_user() {
        return NextcloudError::AccountDisabled;
    }
    if reason.forbidden_path() {
        return NextcloudError::Forbidden(reason.message);
    }
    match status {
        401 => NextcloudError::Unauthorized,
        403 => NextcloudError::Forbidden(reason.message),
        404 => NextcloudError::NotFound(reason.message),
        409 => NextcloudError::Conflict(reason.message),
        // Only the Notes API sends the current state; `{"message":"CSRF check failed"}` is a refusal.
        412 if reason.kind == Kind::Json && !reason.message.is_empty() => NextcloudError::Rejected {
            status,
            message: reason.message,
        },
        412 => NextcloudError::PreconditionFailed {
            current: (reason.kind == Kind::Json).then(|| String::from_utf8_lossy(body).into_owned()),
        },
        423 => NextcloudError::Locked,
        507 => NextcloudError::QuotaExceeded,
        500.. => NextcloudError::ServerError { status },
        _ => NextcloudError::Rejected {
            status,
            message: reason.message,
        },
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Kind {
    Json,
    Dav,
    #[default]
    Other,
}

/// What the body says.
#[derive(Debug, Default)]
struct Reason {
    kind: Kind,
    message: String,
    exception: Option<String>,
}

#[derive(Deserialize)]
struct JsonReason {
    #[serde(default)]
    message: Option<String>,
    ocs: Option<Envelope>,
}

#[derive(Deserialize)]
struct Envelope {
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    #[serde(default)]
    message: Option<String>,
}

impl Reason {
    fn read(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start();
        if text.starts_with('{') {
            let Ok(json) = serde_json::from_str::<JsonReason>(text) else {
                return Self::default();
            };
            let message = json
                .ocs
                .and_then(|ocs| ocs.meta.message)
                .or(json.message)
                .unwrap_or_default();
            return Self {
                kind: Kind::Json,
                message: plain_text(&message),
                exception: None,
            };
        }
        if text.starts_with('<') {
            return dav_reason(text).unwrap_or_default();
        }
        let says_something = !text.starts_with('[') && !text.contains('<');
        let message = if says_something {
            plain_text(text)
        } else {
            String::new()
        };
        Self {
            kind: Kind::Other,
            message,
            exception: None,
        }
    }

    fn names(&self, exception: &str) -> bool {
        self.exception
            .as_deref()
            .is_some_and(|name| name.rsplit('\\').next() == Some(exception))
    }

    /// Facts §0 row 9: DAV says it with a 503, Notes with a 401.
    fn disabled_user(&self) -> bool {
        (self.kind == Kind::Dav && self.message.contains("DisabledUserException"))
            || (self.kind == Kind::Json && self.message == "Account disabled")
    }

    /// A name that Nextcloud never stores, such as `.htaccess`: a 500 by number, a refusal by meaning (facts §7).
    fn forbidden_path(&self) -> bool {
        self.exception.as_deref() == Some("OCP\\Files\\ForbiddenException")
    }
}

/// `<d:error>` of Sabre; `None` for HTML, XML with a DTD, and anything else.
fn dav_reason(text: &str) -> Option<Reason> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut reason = Reason {
        kind: Kind::Dav,
        ..Reason::default()
    };
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                path.push(tag.local_name().as_ref().to_owned());
                if path.first().is_some_and(|root| root != "error") || path.len() > 8 {
                    return None;
                }
            }
            Event::End(_) => {
                path.pop();
            }
            Event::Text(content) if path.len() == 2 => match path.last().map(String::as_str) {
                Some("exception") => reason.exception = Some(content.trim().to_owned()),
                Some("message") => reason.message.push_str(&content),
                _ => {}
            },
            Event::GeneralRef(reference) if path.last().is_some_and(|tag| tag == "message") => {
                if let Some(character) = super::dav::resolve_reference(&reference) {
                    reason.message.push(character);
                }
            }
            Event::DocType(_) => return None,
            Event::Eof => break,
            _ => {}
        }
    }
    reason.message = plain_text(&reason.message);
    Some(reason)
}

/// One line without control characters, at most 200 characters.
pub(crate) fn plain_text(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let clean: String = spaced.filter(|c| !c.is_control()).take(MESSAGE_LIMIT).collect();
    clean.trim().to_owned()
}

/// `Retry-After` in both forms, seconds or a date; `None` when absent or unreadable.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?.with_timezone(&Utc);
    Some((date - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn now() -> DateTime<Utc> {
        "2026-11-23T05:00:00Z".parse().unwrap()
    }

    fn of(status: u16, body: &str) -> Failure {
        classify(
            StatusCode::from_u16(status).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
            now(),
        )
    }

    #[test]
    fn messages_are_one_short_line() {
        let long = format!("a\u{0}\u{1b}[31m\nb{}", "x".repeat(500));
        let text = plain_text(&long);
        assert_eq!(text.chars().count(), MESSAGE_LIMIT);
        assert!(text.starts_with("a[31m bx"), "{text}");
    }

    #[test]
    fn html_and_lists_say_nothing() {
        for body in [
            "<!DOCTYPE html><html><p>secret</p></html>",
            "<html>secret</html>",
            "[]",
            "",
            "{broken",
        ] {
            let NextcloudError::NotFound(message) = of(404, body).error else {
                panic!("404")
            };
            assert_eq!(message, "", "{body}");
        }
    }

    #[test]
    fn an_entity_in_an_error_is_not_expanded() {
        let bomb = "<!DOCTYPE e [<!ENTITY a \"boom\">]><d:error xmlns:d=\"DAV:\"><s:message>&a;</s:message></d:error>";
        assert!(matches!(of(403, bomb).error, NextcloudError::Forbidden(text) if text.is_empty()));
    }

    #[test]
    fn a_storage_that_is_away_is_not_yet_the_host() {
        let away = "<?xml version=\"1.0\"?><d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">\
            <s:exception>Sabre\\DAV\\Exception\\ServiceUnavailable</s:exception><s:message>Storage</s:message></d:error>";
        assert_eq!(of(503, away).fault, Some(HostFault::Failing(503)));
        assert_eq!(
            of(503, "upstream is away").fault,
            Some(HostFault::Overloaded(503))
        );
        assert_eq!(
            of(502, "<html>bad gateway</html>").fault,
            Some(HostFault::Overloaded(502))
        );
        assert_eq!(of(400, "no").fault, None);
    }

    #[test]
    fn retry_after_in_all_forms() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
            retry_after(&headers, now()).map(|wait| wait.as_secs())
        };
        assert_eq!(read("120"), Some(120));
        assert_eq!(read("Mon, 23 Nov 2026 05:01:30 GMT"), Some(90));
        assert_eq!(read("Mon, 23 Nov 2026 04:00:00 GMT"), Some(0));
        for unreadable in ["soon", "-5", "1.5", ""] {
            assert_eq!(read(unreadable), None, "{unreadable}");
        }
    }

    #[test]
    fn a_412_with_the_current_state_differs_from_a_refusal() {
        let current = "{\"id\":162,\"title\":\"First note\"}";
        assert!(
            matches!(of(412, current).error, NextcloudError::PreconditionFailed { current: Some(body) } if body == current)
        );
        assert!(matches!(
            of(412, "{\"message\":\"CSRF check failed\"}").error,
            NextcloudError::Rejected { status: 412, .. }
        ));
    }
}

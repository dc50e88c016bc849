//! What a delivery says (facts §5): the event's class and time, the user who caused it, and what it names.
//!
//! `{"event": {…, "class": "OCP\\Files\\Events\\Node\\NodeWrittenEvent"}, "user": {"uid", "displayName"} | null, …}`.
//! Nothing here is believed. Fields of an unexpected type count as absent, because Nextcloud does not send again what
//! is refused.

mod apps;

use super::Hint;
use super::told::Told;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// Events of files and folders; before a deletion too, because only that one tells the file id.
const FILE_EVENTS: [&str; 8] = [
    "OCP\\Files\\Events\\Node\\NodeCreatedEvent",
    "OCP\\Files\\Events\\Node\\NodeWrittenEvent",
    "OCP\\Files\\Events\\Node\\NodeTouchedEvent",
    "OCP\\Files\\Events\\Node\\NodeRenamedEvent",
    "OCP\\Files\\Events\\Node\\NodeCopiedEvent",
    "OCP\\Files\\Events\\Node\\BeforeNodeDeletedEvent",
    "OCP\\Files\\Events\\Node\\NodeDeletedEvent",
    "OCA\\Files_Trashbin\\Events\\NodeRestoredEvent",
];
/// Tags given to files and taken from them.
const TAG_EVENTS: [&str; 2] = [
    "OCP\\SystemTag\\TagAssignedEvent",
    "OCP\\SystemTag\\TagUnassignedEvent",
];
/// Members of a file event that name a file or folder.
const NODES: [&str; 3] = ["node", "source", "target"];
/// More files of one tag event than this are left to the next scans.
const MAX_OBJECTS: usize = 200;
/// Longest UID, in bytes; Nextcloud itself allows 64 characters.
const MAX_UID: usize = 256;
/// Digits of a file id.
const MAX_ID_DIGITS: usize = 20;

/// A body that is no delivery.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// Not JSON, or nested too deeply.
    #[error("the body is not JSON: {0}")]
    NotJson(#[from] serde_json::Error),
    /// JSON of another kind.
    #[error("the body is not a JSON object")]
    NotAnObject,
}

/// Why a delivery has no effect although it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IgnoredReason {
    /// A class that this server does not know.
    UnknownEvent,
    /// About a source that is not indexed.
    NotIndexed,
    /// About nobody and nothing that is synced.
    NotSynced,
}

impl IgnoredReason {
    /// Stable code, as it stands in the answer and in the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownEvent => "unknown_event",
            Self::NotIndexed => "not_indexed",
            Self::NotSynced => "not_synced",
        }
    }
}

/// A delivery that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Class of the event; empty when there is none.
    pub event: String,
    /// When it happened, by Nextcloud's clock.
    pub happened_at: Option<DateTime<Utc>>,
    /// Of which source it tells.
    pub told: Option<Told>,
    /// Where something may have changed, or why this is of no interest.
    pub hints: Result<Vec<Hint>, IgnoredReason>,
}

impl Delivery {
    /// Reads a body, whatever its content type says: Nextcloud sends none. What is told of other than the `synced`
    /// sources is of no interest.
    ///
    /// # Errors
    /// [`PayloadError`] for what is not a JSON object.
    pub fn parse(body: &[u8], synced: &[&str]) -> Result<Self, PayloadError> {
        let Value::Object(payload) = serde_json::from_slice(body)? else {
            return Err(PayloadError::NotAnObject);
        };
        let nothing = Map::new();
        let event = payload
            .get("event")
            .and_then(Value::as_object)
            .unwrap_or(&nothing);
        let class = text(event.get("class"))
            .unwrap_or_default()
            .trim_start_matches('\\');
        let actor = payload
            .get("user")
            .and_then(|user| text(user.get("uid")))
            .and_then(uid);
        let told = Told::of_class(class);
        let hints = match told {
            Some(told) if !synced.contains(&told.source()) => Err(IgnoredReason::NotIndexed),
            Some(Told::Files) if FILE_EVENTS.contains(&class) => Ok(of_files(event, actor.as_ref())),
            Some(Told::Files) if TAG_EVENTS.contains(&class) => of_tags(event, actor.as_ref()),
            None | Some(Told::Files) => Err(IgnoredReason::UnknownEvent),
            Some(app) => Ok(apps::hints(app, event, actor.as_ref())),
        };
        let known = hints != Err(IgnoredReason::UnknownEvent);
        let seconds = payload.get("time").and_then(Value::as_i64);
        Ok(Self {
            event: if known { class.to_owned() } else { String::new() },
            happened_at: seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            told: told.filter(|_| known),
            hints: hints.and_then(|hints| {
                if hints.is_empty() {
                    Err(IgnoredReason::NotSynced)
                } else {
                    Ok(hints)
                }
            }),
        })
    }
}

/// A path is the actor's view, so it says whose view changed. Without a usable path the actor's does.
fn of_files(event: &Map<String, Value>, actor: Option<&UserId>) -> Vec<Hint> {
    let mut hints = Vec::new();
    for node in NODES.iter().filter_map(|name| event.get(*name)) {
        let native_id = node.get("id").and_then(number);
        let hint = match text(node.get("path")).and_then(View::parse) {
            Some(View { user, path }) => Hint::at_file(user, native_id, path),
            None => match (actor, native_id) {
                (None, None) => continue,
                (actor, native_id) => Hint::at_file(view_of(actor), native_id, None),
            },
        };
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    hints
}

fn of_tags(event: &Map<String, Value>, actor: Option<&UserId>) -> Result<Vec<Hint>, IgnoredReason> {
    if text(event.get("objectType")) != Some("files") {
        return Err(IgnoredReason::NotIndexed);
    }
    let ids = event.get("objectIds").and_then(Value::as_array);
    let ids = ids.into_iter().flatten().filter_map(number).take(MAX_OBJECTS);
    Ok(ids
        .map(|id| Hint::at_file(view_of(actor), Some(id), None))
        .collect())
}

/// Nobody's view is the empty one.
fn view_of(actor: Option<&UserId>) -> UserId {
    actor.cloned().unwrap_or_else(|| UserId::new(""))
}

/// `/<uid>/files/<path>`: the path as that user sees it. Other trees of the user, such as the trash, name nobody's
/// document; the user is known all the same.
struct View {
    user: UserId,
    path: Option<String>,
}

impl View {
    fn parse(path: &str) -> Option<Self> {
        let mut segments = path.strip_prefix('/')?.split('/');
        let user = uid(segments.next()?)?;
        let inside: Option<Vec<&str>> = (segments.next() == Some("files")).then(|| segments.collect());
        let clean = |segment: &&str| !matches!(*segment, "" | "." | "..") && !segment.contains('\0');
        let path = inside
            .filter(|inside| !inside.is_empty() && inside.iter().all(clean))
            .map(|inside| format!("/{}", inside.join("/")));
        Some(Self { user, path })
    }
}

pub(super) fn uid(text: &str) -> Option<UserId> {
    let fits =
        (1..=MAX_UID).contains(&text.len()) && !text.contains(['/', '\0']) && !matches!(text, "." | "..");
    fits.then(|| UserId::new(text))
}

/// An id: a number in most events, a text in tag events.
pub(super) fn number(value: &Value) -> Option<String> {
    let id = match value {
        Value::Number(number) => number.as_u64()?.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    let fits = (1..=MAX_ID_DIGITS).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(id)
}

pub(super) fn text(value: Option<&Value>) -> Option<&str> {
    value.and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::sources::SOURCES;

    fn hint(user: &str, id: Option<&str>, path: Option<&str>) -> Hint {
        Hint::at_file(UserId::new(user), id.map(str::to_owned), path.map(str::to_owned))
    }

    fn written(path: &str) -> Result<Vec<Hint>, IgnoredReason> {
        let body = serde_json::json!({
            "event": {"node": {"path": path}, "class": FILE_EVENTS[1]}, "user": null, "time": 1, "authentication": [],
        });
        Delivery::parse(body.to_string().as_bytes(), SOURCES)
            .unwrap()
            .hints
    }

    #[test]
    fn a_rename_names_where_it_was_and_where_it_is() {
        let body = br#"{"event":{"source":{"path":"\/alice\/files\/A"},"target":{"id":138,"path":"\/alice\/files\/B\/A"},
            "class":"OCP\\Files\\Events\\Node\\NodeRenamedEvent"},"user":{"uid":"alice"}}"#;
        let delivery = Delivery::parse(body, SOURCES).unwrap();
        assert_eq!(
            delivery.hints,
            Ok(vec![
                hint("alice", None, Some("/A")),
                hint("alice", Some("138"), Some("/B/A"))
            ])
        );
    }

    #[test]
    fn the_time_of_the_event_is_read() {
        let at = |time: &str| {
            let body = format!(r#"{{"event": {{}}, "time": {time}}}"#);
            Delivery::parse(body.as_bytes(), SOURCES).unwrap().happened_at
        };
        assert_eq!(at("1795409909").unwrap().timestamp(), 1_795_409_909);
        for odd in ["null", "\"1\"", "1e300", "9223372036854775807", "[1]"] {
            assert_eq!(at(odd), None, "{odd}");
        }
    }

    #[test]
    fn forged_paths_name_a_user_at_most() {
        for path in [
            "../../bob/secret.md",
            "",
            "/",
            "//files/x",
            "/../files/x",
            "bob/files/x",
            "/a\0b/files/x",
        ] {
            assert_eq!(written(path), Err(IgnoredReason::NotSynced), "{path:?}");
        }
        for path in [
            "/alice/files/../../bob/secret.md",
            "/alice/files/./x",
            "/alice/files//x",
            "/alice/files",
            "/alice/files_trashbin/files/x.d1",
            "/alice/files/a\0b",
        ] {
            assert_eq!(written(path), Ok(vec![hint("alice", None, None)]), "{path:?}");
        }
        // An encoded path is a name like any other: nothing here decodes.
        let encoded = written("/alice/files/%2e%2e%2fbob");
        assert_eq!(encoded, Ok(vec![hint("alice", None, Some("/%2e%2e%2fbob"))]));
    }

    #[test]
    fn nonsense_is_no_delivery_and_odd_fields_are_absent() {
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        for body in ["", "{", "nonsense", &format!("{{\"event\":{deep}}}"), "\u{0}"] {
            assert!(matches!(
                Delivery::parse(body.as_bytes(), SOURCES),
                Err(PayloadError::NotJson(_))
            ));
        }
        for body in ["[]", "1", "null", "\"text\""] {
            assert!(matches!(
                Delivery::parse(body.as_bytes(), SOURCES),
                Err(PayloadError::NotAnObject)
            ));
        }
        for body in ["{}", r#"{"event": []}"#, r#"{"event": {"class": 7}}"#] {
            let delivery = Delivery::parse(body.as_bytes(), SOURCES).unwrap();
            assert_eq!(delivery.hints, Err(IgnoredReason::UnknownEvent));
        }
        let body = br#"{"event":{"node":{"id":[1],"path":5},"class":"OCP\\Files\\Events\\Node\\NodeWrittenEvent"},"user":7}"#;
        assert_eq!(
            Delivery::parse(body, SOURCES).unwrap().hints,
            Err(IgnoredReason::NotSynced)
        );
    }
}

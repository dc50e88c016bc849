//! A registration: which events, asked for by whom, and whether it stands at Nextcloud.

use crate::entropy::Entropy;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::fmt;

/// Longest name of an event class, in bytes.
const EVENT_LIMIT: usize = 200;
/// Longest filter as JSON, in bytes.
const FILTER_LIMIT: usize = 4096;

/// Names a registration in the header that Nextcloud sends; not secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::Type)]
#[sqlx(transparent)]
pub struct RegistrationId(String);

impl RegistrationId {
    /// The text as it was stored or sent.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// A new one: 128 random bits in hexadecimal.
    pub(super) fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self(hex::encode(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RegistrationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why no registration can be made of what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Not a PHP class name.
    #[error("`event` must be the name of an event class")]
    Event,
    /// Neither absent nor an object.
    #[error("`event_filter` must be an object of at most {FILTER_LIMIT} bytes")]
    Filter,
}

/// An event class and a filter on its content: what a registration selects, and what makes two of them the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventSelector {
    event: String,
    filter: Option<Value>,
}

impl EventSelector {
    /// Every event of `event`, without the leading backslash that Nextcloud strips, too (facts §5), or those that match
    /// `filter`. `null`, `[]` and `{}` are no filter: PHP writes an empty one in each of these ways.
    ///
    /// # Errors
    /// [`SelectorError`] when Nextcloud could only misunderstand it.
    pub fn new(event: &str, filter: Option<&Value>) -> Result<Self, SelectorError> {
        let event = event.strip_prefix('\\').unwrap_or(event);
        let has_form = !event.is_empty()
            && event.len() <= EVENT_LIMIT
            && event
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'\\'));
        if !has_form {
            return Err(SelectorError::Event);
        }
        let filter = match filter {
            None | Some(Value::Null) => None,
            Some(Value::Array(items)) if items.is_empty() => None,
            Some(Value::Object(fields)) if fields.is_empty() => None,
            // PostgreSQL stores no NUL in jsonb.
            Some(filter @ Value::Object(_)) => {
                let text = filter.to_string();
                if text.len() > FILTER_LIMIT || text.contains("\\u0000") {
                    return Err(SelectorError::Filter);
                }
                Some(filter.clone())
            }
            Some(_) => return Err(SelectorError::Filter),
        };
        Ok(Self {
            event: event.to_owned(),
            filter,
        })
    }

    /// One that this server knows to be well formed.
    pub(super) fn known(event: &str, filter: Option<Value>) -> Self {
        Self {
            event: event.to_owned(),
            filter,
        }
    }

    /// The class, without a leading backslash.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// The filter, a JSON object.
    pub fn filter(&self) -> Option<&Value> {
        self.filter.as_ref()
    }
}

/// Who wants a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedBy {
    /// An administrator asked for it.
    User,
    /// It keeps the index right beside what an administrator asked for.
    Companion,
}

impl WantedBy {
    /// As it is stored.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Companion => "companion",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        if name == "companion" {
            Self::Companion
        } else {
            Self::User
        }
    }
}

/// How what stands at Nextcloud compares with what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationState {
    /// Does not stand yet, or no longer.
    Pending,
    /// Stands.
    Active,
    /// Stands with the secret before the last rotation.
    Stale,
    /// Not wanted any more, and may still stand.
    Removing,
    /// Nextcloud does not know the event: its app is not enabled.
    Refused,
}

impl RegistrationState {
    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Stale => "stale",
            Self::Removing => "removing",
            Self::Refused => "refused",
        }
    }

    pub(super) fn parse(name: &str) -> Self {
        match name {
            "active" => Self::Active,
            "stale" => Self::Stale,
            "removing" => Self::Removing,
            "refused" => Self::Refused,
            _ => Self::Pending,
        }
    }
}

/// A registration as it is stored, without its secret.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its name in the header.
    pub id: RegistrationId,
    /// In whose name it stands at Nextcloud.
    pub owner: UserId,
    /// What it selects.
    pub selector: EventSelector,
    /// Who wants it.
    pub wanted_by: WantedBy,
    /// Nextcloud's id of it; `None` while it does not stand there.
    pub nextcloud_id: Option<i64>,
    /// How far it is.
    pub state: RegistrationState,
    /// Why it does not stand as it should, for people.
    pub problem: Option<String>,
    /// Since when.
    pub problem_since: Option<DateTime<Utc>>,
    /// When the last event came.
    pub last_delivery_at: Option<DateTime<Utc>>,
    /// When that event happened, by Nextcloud's clock.
    pub last_event_at: Option<DateTime<Utc>>,
    /// How many came.
    pub deliveries: i64,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_selector_is_what_nextcloud_makes_of_it() {
        let plain = EventSelector::new("OCP\\A\\B", None).unwrap();
        for nothing in [json!(null), json!([]), json!({})] {
            assert_eq!(
                EventSelector::new("\\OCP\\A\\B", Some(&nothing)),
                Ok(plain.clone())
            );
        }
        let filter = json!({"event.node.path": "/x/"});
        let filtered = EventSelector::new("OCP\\A\\B", Some(&filter)).unwrap();
        assert_ne!(filtered, plain);
        assert_eq!(filtered.filter(), Some(&filter));
    }

    #[test]
    fn nonsense_is_refused() {
        let long = "A".repeat(EVENT_LIMIT + 1);
        for event in ["", "\\", "a b", "a/b", "é", &long] {
            assert_eq!(
                EventSelector::new(event, None),
                Err(SelectorError::Event),
                "{event}"
            );
        }
        let large = json!({"a": "x".repeat(FILTER_LIMIT)});
        for filter in [json!("x"), json!([1]), json!(true), json!({"a": "\u{0}"}), large] {
            assert_eq!(EventSelector::new("A", Some(&filter)), Err(SelectorError::Filter));
        }
    }

    #[test]
    fn states_are_found_by_their_names() {
        use RegistrationState::{Active, Pending, Refused, Removing, Stale};
        for state in [Pending, Active, Stale, Removing, Refused] {
            assert_eq!(RegistrationState::parse(state.name()), state);
        }
        for wanted in [WantedBy::User, WantedBy::Companion] {
            assert_eq!(WantedBy::parse(wanted.name()), wanted);
        }
    }
}

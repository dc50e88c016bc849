//! `cloud/capabilities`: what was recorded, with the Notes app as it is configured here.

use serde_json::Value;

use crate::auth::Session;
use crate::world::State;

const FOR_USERS: &str = include_str!("../data/capabilities_user.json");
const FOR_ANYONE: &str = include_str!("../data/capabilities_public.json");

/// The capabilities that a user, or anyone, is told.
pub(super) fn capabilities(state: &State, session: Option<&Session>) -> Value {
    let text = if session.is_some() { FOR_USERS } else { FOR_ANYONE };
    let mut data: Value = serde_json::from_str(text).unwrap_or_default();
    let Some(Value::Object(apps)) = data.get_mut("capabilities") else {
        return data;
    };
    if !state.notes_enabled {
        apps.remove("notes");
    }
    let path = session
        .and_then(|session| state.user(&session.uid))
        .map(|user| user.notes_path.clone());
    if let (Some(path), Some(Value::Object(notes))) = (path, apps.get_mut("notes")) {
        notes.insert("notes_path".to_owned(), Value::String(path));
    }
    data
}

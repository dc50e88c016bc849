//! App passwords: `core/getapppassword`, `core/apppassword` (facts §2).

use serde_json::json;

use super::Outcome;
use crate::auth::Session;
use crate::world::World;

/// Not with an app password sent as Basic: that needs the account password.
pub(super) fn get(world: &World, session: &Session) -> Outcome {
    if session.app_password.is_some() {
        return Outcome::Refused(403, "Password confirmation is required");
    }
    let token = world.write().new_app_password(&session.uid);
    Outcome::Data(json!({"apppassword": token}))
}

pub(super) fn delete(world: &World, session: &Session) -> Outcome {
    match &session.app_password {
        Some(token) => {
            world.revoke_app_password(token);
            Outcome::Data(json!([]))
        }
        None => Outcome::Refused(403, "no app password in use"),
    }
}

/// Nextcloud's token cache lets the old one work some seconds more (facts §2).
const GRACE_SECONDS: i64 = 20;

pub(super) fn rotate(world: &World, session: &Session) -> Outcome {
    match &session.app_password {
        Some(token) => {
            let mut state = world.write();
            let end = state.now() + GRACE_SECONDS;
            for known in &mut state.app_passwords {
                if known.token == *token {
                    known.expires = Some(end);
                }
            }
            let new = state.new_app_password(&session.uid);
            Outcome::Data(json!({"apppassword": new}))
        }
        None => Outcome::Refused(403, "no app password in use"),
    }
}

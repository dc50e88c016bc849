//! App passwords: `core/getapppassword`, `core/apppassword` (facts §2).

use serde_json::json;

use super::Outcome;
use crate::auth::Session;
use crate::http::Incoming;
use crate::oidc::is_of_trusted_issuer;
use crate::world::{State, World};

/// With the account password or an access token of the `oidc` app (facts §0 row 15), not with an app password or
/// another provider's token.
/// The new one is named after the `User-Agent` (facts §7).
pub(super) fn get(world: &World, request: &Incoming, session: &Session) -> Outcome {
    if session.app_password.is_some() {
        return Outcome::Refused(403, "Password confirmation is required");
    }
    if is_of_trusted_issuer(world, request) {
        return Outcome::Refused(403, "");
    }
    let name = request.header("user-agent").unwrap_or("unknown");
    let token = world.write().new_app_password(&session.uid, name);
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
            let name = name_of(&state, token);
            let new = state.new_app_password(&session.uid, &name);
            Outcome::Data(json!({"apppassword": new}))
        }
        None => Outcome::Refused(403, "no app password in use"),
    }
}

fn name_of(state: &State, token: &str) -> String {
    let known = state.app_passwords.iter().find(|known| known.token == token);
    known.map_or_else(String::new, |known| known.name.clone())
}

//! Accounts and apps: `cloud/user`, `cloud/users/{id}`, `cloud/apps`, `core/navigation/apps`.

use serde_json::{Value, json};

use super::Outcome;
use crate::world::{State, User};

/// Recorded with the apps of a fresh Nextcloud 34 plus those of the recordings.
const APPS: &str = include_str!("../data/apps.json");

/// The answer to a non-admin on an admin route.
const NOT_ADMIN: Outcome = Outcome::Refused(403, "Logged in account must be an admin");

pub(super) fn own(state: &State, uid: &str) -> Outcome {
    match state.user(uid) {
        Some(user) => Outcome::Data(describe(state, user)),
        None => Outcome::Refused(404, "User does not exist"),
    }
}

pub(super) fn other(state: &State, uid: &str, wanted: &str) -> Outcome {
    if wanted != uid && !is_admin(state, uid) {
        return NOT_ADMIN;
    }
    own(state, wanted)
}

pub(super) fn apps(state: &State, uid: &str) -> Outcome {
    if !is_admin(state, uid) {
        return NOT_ADMIN;
    }
    let mut apps: Vec<String> = serde_json::from_str(APPS).unwrap_or_default();
    apps.retain(|app| match app.as_str() {
        "notes" => state.notes_enabled,
        "oidc" | "user_oidc" => state.oidc.settings.installed,
        _ => true,
    });
    for (app, enabled) in [("deck", state.deck.enabled), ("tables", state.tables.enabled)] {
        apps.retain(|known| known != app);
        if enabled {
            apps.push(app.to_owned());
        }
    }
    apps.sort();
    Outcome::Data(json!({"apps": apps}))
}

pub(super) fn navigation(state: &State) -> Outcome {
    let known = [
        ("dashboard", "Dashboard", -10),
        ("files", "Files", 0),
        ("notes", "Notes", 10),
        ("deck", "Deck", 10),
        ("tables", "Tables", 11),
    ];
    let entries: Vec<Value> = known
        .iter()
        .filter(|(id, ..)| match *id {
            "notes" => state.notes_enabled,
            "deck" => state.deck.enabled,
            "tables" => state.tables.enabled,
            _ => true,
        })
        .map(|(id, name, order)| {
            json!({
                "id": id,
                "order": order,
                "href": format!("/apps/{id}/"),
                "icon": format!("/apps/{id}/img/app.svg"),
                "type": "link",
                "name": name,
                "app": id,
                "active": false,
                "unread": 0,
                "classes": "",
                "default": *id == "dashboard",
            })
        })
        .collect();
    Outcome::Tagged(json!(entries))
}

fn is_admin(state: &State, uid: &str) -> bool {
    state
        .user(uid)
        .is_some_and(|user| user.groups.iter().any(|group| group == "admin"))
}

fn describe(state: &State, user: &User) -> Value {
    let occupied = state.node(user.root).map_or(0, |root| root.size);
    let mut data = json!({
        "enabled": user.enabled,
        "id": user.uid,
        "firstLoginTimestamp": user.created,
        "lastLoginTimestamp": user.created,
        "lastLogin": user.created * 1000,
        "backend": "Database",
        "subadmin": [],
        "quota": {"free": -3, "used": occupied, "total": -3, "relative": 0, "quota": -3},
        "manager": "",
        "avatarScope": "v2-federated",
        "email": user.email,
        "emailScope": "v2-federated",
        "additional_mail": [],
        "additional_mailScope": [],
        "displayname": user.display_name,
        "display-name": user.display_name,
        "displaynameScope": "v2-federated",
        "profile_enabled": "1",
        "profile_enabledScope": "v2-local",
        "pronouns": "",
        "pronounsScope": "v2-federated",
        "groups": user.groups,
        "language": "en",
        "locale": "",
        "timezone": "",
        "notify_email": null,
        "backendCapabilities": {"setDisplayName": true, "setPassword": true},
    });
    let unused = [
        "phone",
        "address",
        "website",
        "twitter",
        "bluesky",
        "fediverse",
        "organisation",
        "role",
        "headline",
        "biography",
    ];
    if let Value::Object(fields) = &mut data {
        for name in unused {
            fields.insert(name.to_owned(), json!(""));
            fields.insert(format!("{name}Scope"), json!("v2-local"));
        }
    }
    data
}

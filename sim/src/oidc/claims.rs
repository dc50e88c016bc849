//! What tokens and `userinfo` say about a user.

use serde_json::{Map, Value, json};

use super::client::Client;
use super::grant::Grant;
use super::settings::Settings;
use crate::world::User;

/// The claims of the scopes `profile` and `email`.
pub(super) fn of_user(grant: &Grant, user: &User, issuer: &str) -> Map<String, Value> {
    let mut claims = Map::new();
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    if grant.has_scope("profile") {
        set("updated_at", json!(user.created));
        set("name", json!(user.display_name));
        // Nextcloud has one name only: its last word is taken for the family.
        set("family_name", json!(user.display_name.rsplit(' ').next()));
        if let Some((given, _)) = user.display_name.rsplit_once(' ') {
            set("given_name", json!(given));
        }
        set("picture", json!(format!("{issuer}/avatar/{}/64", user.uid)));
    }
    if grant.has_scope("email") {
        set("email", json!(user.email));
        set("email_verified", json!(false));
    }
    if grant.has_scope("groups") {
        set("groups", json!(user.groups));
    }
    if grant.has_scope("roles") {
        set("roles", json!(user.groups));
    }
    claims
}

/// A JWT access token; its own `exp` is the single lifetime.
pub(super) fn of_access_token(
    grant: &Grant,
    client: &Client,
    user: &User,
    issuer: &str,
    settings: &Settings,
) -> Map<String, Value> {
    let client_id = &client.facts.id;
    let audience = if grant.resource.is_empty() {
        client_id
    } else {
        &grant.resource
    };
    let mut claims = object(json!({
        "iss": issuer,
        "sub": user.uid,
        "aud": audience,
        "exp": grant.issued + settings.expire_time,
        "auth_time": grant.created,
        "iat": grant.issued,
        "acr": "0",
        "client_id": client_id,
        "azp": client_id,
        "preferred_username": user.uid,
        "scope": grant.scope,
        "jti": grant.id.to_string(),
    }));
    claims.extend(of_user(grant, user, issuer));
    claims
}

/// The ID token of the code flow: no name in it.
pub(super) fn of_id_token(
    grant: &Grant,
    client: &Client,
    issuer: &str,
    settings: &Settings,
) -> Map<String, Value> {
    let client_id = &client.facts.id;
    let mut claims = object(json!({
        "iss": issuer,
        "sub": grant.uid,
        "aud": client_id,
        "exp": grant.issued + settings.expire_time,
        "auth_time": grant.created,
        "iat": grant.issued,
        "acr": "0",
        "azp": client_id,
        "nbf": grant.issued,
        "jti": grant.id.to_string(),
    }));
    if let Some(nonce) = &grant.nonce {
        claims.insert("nonce".to_owned(), json!(nonce));
    }
    claims
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

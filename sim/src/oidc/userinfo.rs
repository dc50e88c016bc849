//! The userinfo endpoint: 400 where others say 401, and an expired token ends its grant (facts §0 row 1).

use serde_json::{Value, json};

use super::{claims, failure, shared};
use crate::auth::Credentials;
use crate::http::{Incoming, Reply};
use crate::world::World;

/// `GET` or `POST /apps/oidc/userinfo`.
pub(super) fn userinfo(world: &World, request: &Incoming) -> Reply {
    let Credentials::Bearer(token) = Credentials::of(request) else {
        return failure(400, "invalid_request", "No bearer token found in request.");
    };
    let unknown = || failure(400, "invalid_request", "Could not find provided bearer token.");
    let mut state = world.write();
    let now = state.now();
    let Some(grant) = state.oidc.grant_of_access_token(&token) else {
        return unknown();
    };
    let id = grant.id;
    if now > grant.accepted_until(&state.oidc.settings) {
        state.oidc.grants.remove(&id);
        return failure(400, "invalid_grant", "Access token already expired.");
    }
    let Some(user) = state.user(&grant.uid) else {
        return unknown();
    };
    let issuer = state.oidc.issuer(request);
    let mut facts = claims::of_user(grant, user, &issuer);
    let mut set = |name: &str, value: &str| facts.insert(name.to_owned(), json!(value));
    set("sub", &user.uid);
    set("preferred_username", &user.uid);
    set("scope", &grant.scope);
    shared(Reply::json(200, &Value::Object(facts)), "GET, POST")
}

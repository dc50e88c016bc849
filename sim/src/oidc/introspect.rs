//! Introspection (RFC 7662): a doubled `exp`, the owning client as `aud`, and no harm to expired grants.

use serde_json::json;

use super::client_auth::client_of;
use super::{failure, shared};
use crate::http::{Incoming, Reply};
use crate::world::{State, World};

/// `POST /apps/oidc/introspect`.
pub(super) fn introspect(world: &World, request: &Incoming) -> Reply {
    let state = world.read();
    let asking = match client_of(&state, request) {
        Ok(row)
            if state
                .oidc
                .clients
                .get(&row)
                .is_some_and(|client| !client.facts.public) =>
        {
            row
        }
        _ => return failure(401, "invalid_client", "Client authentication failed."),
    };
    let token = request.text("token").unwrap_or_default();
    described(&state, asking, &token).unwrap_or_else(|| Reply::json(200, &json!({"active": false})))
}

fn described(state: &State, asking: u64, token: &str) -> Option<Reply> {
    let grant = state.oidc.grant_of_access_token(token)?;
    let until = grant.accepted_until(&state.oidc.settings);
    if state.now() > until || !may_ask(state, asking, grant.client, &grant.resource) {
        return None;
    }
    let owner = &state.oidc.clients.get(&grant.client)?.facts.id;
    let facts = json!({
        "active": true,
        "scope": grant.scope,
        "client_id": owner,
        "username": grant.uid,
        "token_type": "Bearer",
        "exp": until,
        "iat": grant.issued,
        "sub": grant.uid,
        "aud": owner,
    });
    Some(shared(Reply::json(200, &facts), "POST"))
}

/// The owner of a token, and the client that its resource names.
fn may_ask(state: &State, asking: u64, owner: u64, resource: &str) -> bool {
    let Some(client) = state.oidc.clients.get(&asking) else {
        return false;
    };
    let is_resource = !resource.is_empty()
        && (client.facts.id == resource || client.facts.resource_url.as_deref() == Some(resource));
    asking == owner || is_resource
}

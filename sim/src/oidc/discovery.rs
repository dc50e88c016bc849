//! The discovery document. Its issuer and endpoints follow the `Host` header.

use serde_json::{Value, json};

use super::shared;
use crate::http::{Incoming, Reply};
use crate::world::State;

/// Always supported; the allowed scopes of all clients are added.
const SCOPES: [&str; 6] = ["openid", "profile", "email", "roles", "groups", "offline_access"];

const CLAIMS: [&str; 26] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "auth_time",
    "iat",
    "acr",
    "azp",
    "preferred_username",
    "scope",
    "nbf",
    "jti",
    "roles",
    "groups",
    "name",
    "given_name",
    "family_name",
    "middle_name",
    "updated_at",
    "website",
    "email",
    "email_verified",
    "phone_number",
    "address",
    "picture",
    "quota",
];

/// There is no `revocation_endpoint`, and `registration_endpoint` only while registration is allowed.
pub(super) fn discovery(state: &State, request: &Incoming) -> Reply {
    let issuer = state.oidc.issuer(request);
    let endpoint = |name: &str| format!("{issuer}/apps/oidc/{name}");
    let methods = ["client_secret_post", "client_secret_basic"];
    let mut document = json!({
        "issuer": issuer,
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "userinfo_endpoint": endpoint("userinfo"),
        "jwks_uri": endpoint("jwks"),
        "scopes_supported": scopes(state),
        "response_types_supported": ["code", "code id_token", "id_token"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": ["authorization_code", "implicit", "refresh_token"],
        "acr_values_supported": ["0"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "HS256"],
        "token_endpoint_auth_methods_supported": methods,
        "display_values_supported": ["page"],
        "claim_types_supported": ["normal"],
        "claims_supported": CLAIMS,
        "claims_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "end_session_endpoint": endpoint("logout"),
        "introspection_endpoint": endpoint("introspect"),
        "introspection_endpoint_auth_methods_supported": methods,
        "code_challenge_methods_supported": ["S256", "plain"],
    });
    if state.oidc.settings.dynamic_registration
        && let Value::Object(fields) = &mut document
    {
        fields.insert("registration_endpoint".to_owned(), json!(endpoint("register")));
    }
    shared(Reply::json(200, &document), "GET")
}

fn scopes(state: &State) -> Vec<&str> {
    let mut scopes = SCOPES.to_vec();
    for client in state.oidc.clients.values() {
        for scope in client.facts.allowed_scopes.split_whitespace() {
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
    }
    scopes
}

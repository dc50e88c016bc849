//! Dynamic registration (RFC 7591) and its management (RFC 7592). Such clients expire (facts §0 row 16).

use serde_json::{Map, Value, json};
use url::Url;

use super::client::{OidcClient, Registration, TokenType};
use super::{failure, shared};
use crate::auth::Credentials;
use crate::http::{Incoming, NO_CACHE, Reply};
use crate::random::random_text;
use crate::world::{State, World};

/// So many registrations within [`LIMIT_SECONDS`] from one address.
const LIMIT: usize = 10;
const LIMIT_SECONDS: i64 = 60;

/// `POST /apps/oidc/register`. Authentication method and grant types of the request have no effect.
pub(super) fn register(world: &World, request: &Incoming) -> Reply {
    let mut state = world.write();
    let now = state.now();
    if limited(&mut state, request, now) {
        return Reply::new(429, "text/html; charset=UTF-8", "").with("cache-control", NO_CACHE);
    }
    if !state.oidc.settings.dynamic_registration {
        return failure(
            400,
            "dynamic_registration_not_allowed",
            "Dynamic Client Registration is disabled.",
        );
    }
    state.oidc.remove_expired_clients(now);
    let params = request.params();
    let mut client = match accepted(&params) {
        Ok(client) => client,
        Err(refusal) => return refusal,
    };
    if client.name.is_empty() {
        client.name = format!("DCR-{}", request.peer);
    }
    client.token_type = match text(&params, "token_type") {
        Some("jwt") => TokenType::Jwt,
        Some("opaque") | None => TokenType::Opaque,
        Some(_) => state.oidc.settings.default_token_type,
    };
    let registration = Registration {
        access_token: random_text(64),
        issued_at: now,
        expires_at: now + state.oidc.settings.client_expire_time,
        application_type: text(&params, "application_type").unwrap_or("web").to_owned(),
    };
    let mut document = described(&client, &registration, &state.oidc.issuer(request));
    document.insert(
        "registration_access_token".to_owned(),
        json!(registration.access_token),
    );
    document.insert("token_type".to_owned(), json!(client.token_type.name()));
    if let Some(url) = &client.resource_url {
        document.insert("resource_url".to_owned(), json!(url));
    }
    state.oidc.add_client(client, Some(registration));
    shared(Reply::json(201, &Value::Object(document)), "POST")
}

fn limited(state: &mut State, request: &Incoming, now: i64) -> bool {
    let times = state.oidc.registrations.entry(request.peer).or_default();
    times.retain(|at| at + LIMIT_SECONDS > now);
    if times.len() >= LIMIT {
        return true;
    }
    times.push_back(now);
    false
}

/// The client that a request describes; its name may be empty.
fn accepted(params: &Map<String, Value>) -> Result<OidcClient, Reply> {
    let uris: Vec<&str> = match params.get("redirect_uris") {
        Some(Value::Array(uris)) => uris.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let Some((first, others)) = uris.split_first() else {
        return Err(failure(
            400,
            "no_redirect_uris_provided",
            "Dynamic Client Registration requires redirect_uris to be set.",
        ));
    };
    let mut client = others
        .iter()
        .fold(OidcClient::new(first), |client, uri| client.redirect_uri(uri))
        .name(text(params, "client_name").unwrap_or_default());
    if let Some(resource) = text(params, "resource_url") {
        if Url::parse(resource).is_err() {
            return Err(failure(
                400,
                "invalid_resource_url",
                "Resource URL must be a valid URL (RFC 9728).",
            ));
        }
        client = client.resource_url(resource);
    }
    let scope = text(params, "scope").unwrap_or_default();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || " _-:./".contains(letter);
    if !scope.chars().all(plain) {
        return Err(failure(
            400,
            "invalid_scope",
            "Scope contains invalid characters. Allowed: alphanumeric, spaces, underscores, hyphens, colons, \
             periods, and forward slashes.",
        ));
    }
    Ok(client.allowed_scopes(scope))
}

fn text<'a>(params: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    params.get(name).and_then(Value::as_str)
}

/// The fields common to all answers. Always a confidential client, and `refresh_token` is not listed
/// although it works.
fn described(client: &OidcClient, registration: &Registration, issuer: &str) -> Map<String, Value> {
    let document = json!({
        "client_id": client.id,
        "client_secret": client.secret,
        "registration_client_uri": format!("{issuer}/apps/oidc/register/{}", client.id),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "token_endpoint_auth_method": "client_secret_post",
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
        "id_token_signed_response_alg": "RS256",
        "application_type": registration.application_type,
        "client_id_issued_at": registration.issued_at,
        "client_secret_expires_at": registration.expires_at,
        "scope": client.allowed_scopes,
    });
    match document {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

/// `GET`, `PUT` and `DELETE /apps/oidc/register/{client_id}`.
pub(super) fn configure(world: &World, request: &Incoming, client_id: &str) -> Reply {
    let mut state = world.write();
    let issuer = state.oidc.issuer(request);
    let Some((row, _)) = state.oidc.client(client_id) else {
        return failure(
            401,
            "invalid_token",
            "Token does not correspond to a valid client.",
        );
    };
    let sent = match Credentials::of(request) {
        Credentials::Bearer(token) => token,
        _ => String::new(),
    };
    let client = state.oidc.clients.get_mut(&row);
    let Some((facts, registration)) = client
        .and_then(|client| Some((&mut client.facts, client.registration.as_mut()?)))
        .filter(|(_, registration)| registration.access_token == sent)
    else {
        return failure(
            401,
            "invalid_token",
            "Invalid or missing registration access token.",
        );
    };
    match request.method.as_str() {
        "GET" => {
            let document = Value::Object(described(facts, registration, &issuer));
            shared(Reply::json(200, &document), "GET")
        }
        "PUT" => {
            let changed = match accepted(&request.params()) {
                Ok(changed) => changed,
                Err(refusal) => return refusal,
            };
            facts.name = changed.name;
            facts.redirect_uris = changed.redirect_uris;
            registration.access_token = random_text(64);
            let mut document = described(facts, registration, &issuer);
            document.insert(
                "registration_access_token".to_owned(),
                json!(registration.access_token),
            );
            shared(Reply::json(200, &Value::Object(document)), "PUT")
        }
        "DELETE" => {
            state.oidc.remove_client(row);
            let empty =
                Reply::new(204, "application/json; charset=utf-8", "").with("cache-control", NO_CACHE);
            shared(empty, "DELETE")
        }
        _ => Reply::html(405, "Method not allowed"),
    }
}

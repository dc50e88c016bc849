//! The token endpoint, with its measured failures (facts §3) and its refreshes without protection against
//! each other: each reads the row on arrival and overwrites it at the end, so that of several at once all
//! answer 200 and only the last one's tokens live (facts §0 row 3).

use serde_json::{Map, Value, json};

use super::client_auth::{Refused, client_of};
use super::tokens::{Tokens, UserGone, issue_next};
use super::{failure, shared};
use crate::http::{Incoming, Reply};
use crate::world::{State, World};

/// What a refresh found when it came in, before the latency of its processing.
pub(crate) struct Arrival {
    grant: Option<u64>,
}

/// Reads the grant of a refresh token; empty for every other request.
pub(crate) fn read_on_arrival(world: &World, request: &Incoming) -> Arrival {
    let is_refresh = request.method == "POST" && request.path.ends_with("/apps/oidc/token");
    let grant = is_refresh
        .then(|| request.text("refresh_token"))
        .flatten()
        .and_then(|token| world.read().oidc.grant_of_refresh_token(&token));
    Arrival { grant }
}

/// Why there are no tokens.
enum Refusal {
    InvalidRequest(&'static str),
    InvalidGrant(&'static str),
    InvalidClient(&'static str),
    ExpiredClient,
    UserGone,
}

const NO_ROW: Refusal = Refusal::InvalidGrant("Could not find access token for code or refresh_token.");

/// `POST /apps/oidc/token`.
pub(super) fn token(world: &World, request: &Incoming, arrival: &Arrival) -> Reply {
    let mut state = world.write();
    match exchanged(&mut state, request, arrival) {
        Ok(tokens) => shared(Reply::json(200, &body(tokens)), "GET, POST"),
        Err(Refusal::InvalidRequest(text)) => failure(400, "invalid_request", text),
        Err(Refusal::InvalidGrant(text)) => failure(400, "invalid_grant", text),
        // 400, not the 401 of RFC 6749.
        Err(Refusal::InvalidClient(text)) => failure(400, "invalid_client", text),
        Err(Refusal::ExpiredClient) => failure(400, "expired_client", "Client expired."),
        Err(Refusal::UserGone) => Reply::html(500, "Internal Server Error"),
    }
}

/// There is no `scope` in it.
fn body(tokens: Tokens) -> Value {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| body.insert(name.to_owned(), value);
    set("access_token", json!(tokens.access_token));
    set("token_type", json!("Bearer"));
    set("expires_in", json!(tokens.expires_in));
    set("id_token", json!(tokens.id_token));
    if let Some(refresh_token) = tokens.refresh_token {
        set("refresh_token", json!(refresh_token));
    }
    if let Some(seconds) = tokens.refresh_expires_in {
        set("refresh_expires_in", json!(seconds));
    }
    Value::Object(body)
}

fn exchanged(state: &mut State, request: &Incoming, arrival: &Arrival) -> Result<Tokens, Refusal> {
    let refreshing = match request.text("grant_type").as_deref() {
        Some("authorization_code") => false,
        Some("refresh_token") => true,
        _ => {
            return Err(Refusal::InvalidGrant(
                "Invalid grant_type provided. Must be authorization_code or refresh_token.",
            ));
        }
    };
    let field = if refreshing { "refresh_token" } else { "code" };
    let secret = request
        .text(field)
        .filter(|text| !text.is_empty())
        .ok_or(Refusal::InvalidRequest("Missing code or refresh_token."))?;
    let client = client_of(state, request).map_err(|refused| match refused {
        Refused::Unknown => Refusal::InvalidClient("Client not found."),
        Refused::WrongSecret => Refusal::InvalidClient("Client authentication failed."),
    })?;
    let now = state.now();
    if state
        .oidc
        .clients
        .get(&client)
        .is_some_and(|row| row.is_expired(now))
    {
        return Err(Refusal::ExpiredClient);
    }
    let grant = if refreshing {
        arrival.grant
    } else {
        state.oidc.grant_of_code(&secret)
    };
    let grant = grant.ok_or(NO_ROW)?;
    // It may have gone since the request came in.
    let row = state.oidc.grants.get(&grant).ok_or(NO_ROW)?;
    if row.client != client {
        return Err(Refusal::InvalidGrant("Grant is not valid for this client."));
    }
    if refreshing {
        refreshable(state, grant)?;
    } else {
        redeemable(state, request, grant)?;
    }
    let issuer = state.oidc.issuer(request);
    let tokens = issue_next(state, grant, &issuer).map_err(|UserGone| Refusal::UserGone)?;
    if refreshing {
        state.oidc.refreshes += 1;
    }
    Ok(tokens)
}

/// An expired refresh token takes its row with it.
fn refreshable(state: &mut State, grant: u64) -> Result<(), Refusal> {
    let now = state.now();
    let row = state.oidc.grants.get(&grant).ok_or(NO_ROW)?;
    if row.refresh_is_over(&state.oidc.settings, now) {
        state.oidc.grants.remove(&grant);
        return Err(Refusal::InvalidGrant("Refresh token is expired."));
    }
    Ok(())
}

/// Every failure burns the code; a second use also ends what the first one gave. `redirect_uri` is not looked at.
fn redeemable(state: &mut State, request: &Incoming, grant: u64) -> Result<(), Refusal> {
    let now = state.now();
    let expire_time = state.oidc.settings.expire_time;
    let row = state.oidc.grants.get(&grant).ok_or(NO_ROW)?;
    let verifier = request
        .text("code_verifier")
        .filter(|verifier| !verifier.is_empty());
    let problem = if row.code_used {
        Some("Authorization code has already been used.")
    } else if now > row.created + expire_time {
        Some("Access token already expired.")
    } else {
        match (&row.challenge, verifier) {
            (Some(_), None) => Some("code_verifier required for PKCE flow."),
            (Some(challenge), Some(verifier)) if !challenge.accepts(&verifier) => {
                Some("Invalid code_verifier.")
            }
            _ => None,
        }
    };
    match problem {
        Some(problem) => {
            state.oidc.grants.remove(&grant);
            Err(Refusal::InvalidGrant(problem))
        }
        None => Ok(()),
    }
}

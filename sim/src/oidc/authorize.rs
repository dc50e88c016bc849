//! The authorization endpoint: silent for a signed-in user, unless users are asked for consent (facts §3).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::grant::{Challenge, Grant};
use super::shared;
use crate::dav::escape;
use crate::http::{Incoming, Reply, encode, parse_form};
use crate::random::random_text;
use crate::web::{self, page, redirect};
use crate::world::{State, World};

/// What a path with a query keeps when it becomes the value of `redirect_url`.
const NESTED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'?');

/// An authorization request's parameters, in their order.
pub(super) struct Params(pub(super) Vec<(String, String)>);

impl Params {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn set(&mut self, name: &str, value: &str) {
        match self.0.iter_mut().find(|(key, _)| key == name) {
            Some((_, known)) => value.clone_into(known),
            None => self.0.push((name.to_owned(), value.to_owned())),
        }
    }

    /// `path?a=b&c=d`.
    pub(super) fn at(&self, path: &str) -> String {
        let pairs: Vec<String> = self
            .0
            .iter()
            .map(|(key, value)| format!("{}={}", encode(key), encode(value)))
            .collect();
        format!("{path}?{}", pairs.join("&"))
    }

    /// Back to the client, `state` included.
    pub(super) fn refuse(&self, redirect_uri: &str, error: &str, description: &str) -> Reply {
        let mut pairs = vec![("error", error), ("error_description", description)];
        pairs.extend(self.get("state").map(|state| ("state", state)));
        redirect(with_query(redirect_uri, &pairs))
    }
}

/// Adds a query to a URI that may have one.
fn with_query(uri: &str, pairs: &[(&str, &str)]) -> String {
    let separator = if uri.contains('?') { '&' } else { '?' };
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(key, value)| format!("{key}={}", encode(value)))
        .collect();
    format!("{uri}{separator}{}", pairs.join("&"))
}

/// `GET /apps/oidc/authorize`.
pub(super) fn authorize(world: &World, request: &Incoming) -> Reply {
    let mut state = world.write();
    let now = state.now();
    state.oidc.remove_expired_clients(now);
    let params = Params(parse_form(&request.query));
    let session = web::open(&mut state, request);
    let Some(uid) = web::signed_in(&state, request) else {
        return session.mark(for_guest(&state, &params));
    };
    let reply = match decide(&mut state, &params, &uid) {
        Decision::Answer(reply) => reply,
        Decision::Ask(params) => {
            state.web.set_pending(&session, params.0);
            redirect("/apps/oidc/consent")
        }
    };
    session.mark(reply).with("x-user-id", uid)
}

/// Everything else about the request is looked at after the login.
fn for_guest(state: &State, params: &Params) -> Reply {
    let client = params.get("client_id").and_then(|id| state.oidc.client(id));
    if params.get("prompt") == Some("none")
        && let (Some((_, client)), Some(uri)) = (client, params.get("redirect_uri"))
        && client.facts.redirect_uris.iter().any(|known| known == uri)
    {
        return params.refuse(uri, "login_required", "User is not logged in.");
    }
    let back = params.at("/apps/oidc/redirect");
    redirect(format!(
        "/login?redirect_url={}",
        utf8_percent_encode(&back, NESTED)
    ))
}

enum Decision {
    Answer(Reply),
    /// Ask the user first.
    Ask(Params),
}

fn decide(state: &mut State, params: &Params, uid: &str) -> Decision {
    let now = state.now();
    let client_id = params.get("client_id").unwrap_or_default();
    let Some((row, client)) = state.oidc.client(client_id) else {
        return Decision::Answer(forbidden("Your client is not authorized to connect."));
    };
    let redirect_uri = params.get("redirect_uri").unwrap_or_default();
    if !client
        .facts
        .redirect_uris
        .iter()
        .any(|known| known == redirect_uri)
    {
        return Decision::Answer(forbidden("The received redirect URI is not accepted to connect."));
    }
    if params.get("response_type") != Some("code") {
        let refusal = params.refuse(
            redirect_uri,
            "unsupported_response_type",
            "The response type is not supported.",
        );
        return Decision::Answer(refusal);
    }
    let scope = client.granted_scopes(params.get("scope").unwrap_or_default());
    let resource = params
        .get("resource")
        .or(client.facts.resource_url.as_deref())
        .unwrap_or_default()
        .to_owned();
    let consented = || {
        state
            .oidc
            .consents
            .values()
            .any(|consent| consent.covers(uid, row, &scope, now))
    };
    // `prompt=none` does not keep the page away (recording `oidc/prompt_none_consent_needed`).
    if state.oidc.settings.asks_users && !consented() {
        let mut pending = Params(params.0.clone());
        pending.set("scope", &scope);
        if !resource.is_empty() {
            pending.set("resource", &resource);
        }
        return Decision::Ask(pending);
    }
    let code = add_grant(state, row, uid, scope, resource, params);
    let mut pairs = Vec::new();
    pairs.extend(params.get("state").map(|state| ("state", state)));
    pairs.push(("code", &code));
    Decision::Answer(redirect(with_query(redirect_uri, &pairs)))
}

/// Stores a new grant and returns its code.
pub(super) fn add_grant(
    state: &mut State,
    client: u64,
    uid: &str,
    scope: String,
    resource: String,
    params: &Params,
) -> String {
    let now = state.now();
    let id = state.oidc.next_id();
    let code = random_text(128);
    let challenge = params.get("code_challenge").map(|value| Challenge {
        value: value.to_owned(),
        plain: params.get("code_challenge_method") != Some("S256"),
    });
    state.oidc.grants.insert(
        id,
        Grant {
            id,
            client,
            uid: uid.to_owned(),
            code: code.clone(),
            code_used: false,
            access_token: String::new(),
            refresh_token: None,
            scope,
            resource,
            nonce: params.get("nonce").map(str::to_owned),
            challenge,
            created: now,
            issued: now,
            refreshed: now,
        },
    );
    code
}

/// An error page, with HTTP status 200 (recording `oidc/dcr_expired_client_authorize`).
fn forbidden(what: &str) -> Reply {
    let body = format!(
        "<h2>Access forbidden</h2>\n<p class=\"hint\">{what} \
         Please inform the administrator of your client.</p>\n<p><a href=\"/\">Back to Nextcloud</a></p>"
    );
    page("Nextcloud", "", &body)
}

/// `GET /apps/oidc/redirect`: where the login leads; a script goes on to the authorization endpoint.
/// Here a `meta` element does, for browsers without scripts.
pub(super) fn resume(world: &World, request: &Incoming) -> Reply {
    let mut state = world.write();
    let session = web::open(&mut state, request);
    let next = format!("/apps/oidc/authorize?{}", request.query);
    let body = format!(
        "<meta http-equiv=\"refresh\" content=\"0; url={0}\">\n<p><a href=\"{0}\">Continue</a></p>",
        escape(&next)
    );
    let token = state.web.request_token(&session).to_owned();
    let mut reply = shared(session.mark(page("Nextcloud", &token, &body)), "GET");
    if let Some(uid) = web::signed_in(&state, request) {
        reply = reply.with("x-user-id", uid);
    }
    reply
}

/// `GET /apps/oidc/logout` ends the browser's session, no grant.
pub(super) fn logout(world: &World, request: &Incoming) -> Reply {
    let mut state = world.write();
    let session = web::open(&mut state, request);
    state.web.end(&session);
    redirect("/login")
}

//! The consent page, shown only while `allow_user_settings` is on, and a user's list of consents.

use serde_json::{Value, json};

use super::authorize::Params;
use super::grant::Consent;
use crate::dav::escape;
use crate::http::{Incoming, Reply};
use crate::web::{self, csrf_failure, page, passes_csrf, redirect};
use crate::world::{State, World};

/// `GET /apps/oidc/consent`.
pub(super) fn show(world: &World, request: &Incoming) -> Reply {
    let mut state = world.write();
    let session = web::open(&mut state, request);
    let Some(uid) = web::signed_in(&state, request) else {
        return session.mark(redirect("/login"));
    };
    let Some(params) = state.web.pending(&session).cloned().map(Params) else {
        return session.mark(redirect("/")).with("x-user-id", uid);
    };
    let token = state.web.request_token(&session).to_owned();
    let client_id = params.get("client_id").unwrap_or_default();
    let name = state
        .oidc
        .client(client_id)
        .map_or("", |(_, client)| &client.facts.name);
    let body = render(name, client_id, params.get("scope").unwrap_or_default(), &token);
    session
        .mark(page("Nextcloud", &token, &body))
        .with("x-user-id", uid)
}

fn render(name: &str, client_id: &str, scopes: &str, token: &str) -> String {
    let (name, client_id) = (escape(name), escape(client_id));
    let (scopes, token) = (escape(scopes), escape(token));
    format!(
        "<div id=\"oidc-consent\" data-client-name=\"{name}\" data-scopes=\"{scopes}\" \
         data-client-id=\"{client_id}\"></div>\n\
         <h1>{name} asks for access</h1>\n\
         <form method=\"post\" action=\"/apps/oidc/consent/grant\">\n\
         <p><label>Scopes <input name=\"scopes\" value=\"{scopes}\"></label></p>\n\
         <input type=\"hidden\" name=\"requesttoken\" value=\"{token}\">\n\
         <p><button type=\"submit\">Allow</button></p>\n</form>\n\
         <form method=\"post\" action=\"/apps/oidc/consent/deny\">\n\
         <input type=\"hidden\" name=\"requesttoken\" value=\"{token}\">\n\
         <p><button type=\"submit\">Deny</button></p>\n</form>"
    )
}

/// `POST /apps/oidc/consent/grant`: `scopes` may be fewer than were asked for.
pub(super) fn grant(world: &World, request: &Incoming) -> Reply {
    decided(world, request, |state, uid, mut params| {
        let now = state.now();
        let asked: Vec<&str> = params
            .get("scope")
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let chosen = request.text("scopes").unwrap_or_default();
        let chosen: Vec<&str> = chosen
            .split_whitespace()
            .filter(|scope| asked.contains(scope))
            .collect();
        let scopes = chosen.join(" ");
        let client_id = params.get("client_id").unwrap_or_default();
        if let Some(client) = state.oidc.client(client_id).map(|(row, _)| row) {
            let known = state
                .oidc
                .consents
                .values_mut()
                .find(|consent| consent.uid == uid && consent.client == client);
            if let Some(consent) = known {
                consent.scopes.clone_from(&scopes);
                consent.updated = now;
            } else {
                let id = state.oidc.next_id();
                let consent = Consent {
                    uid: uid.to_owned(),
                    client,
                    scopes: scopes.clone(),
                    created: now,
                    updated: now,
                };
                state.oidc.consents.insert(id, consent);
            }
        }
        params.set("scope", &scopes);
        redirect(params.at("/apps/oidc/authorize"))
    })
}

/// `POST /apps/oidc/consent/deny`.
pub(super) fn deny(world: &World, request: &Incoming) -> Reply {
    decided(world, request, |_, _, params| {
        let uri = params.get("redirect_uri").unwrap_or_default();
        params.refuse(uri, "access_denied", "User denied consent")
    })
}

fn decided(world: &World, request: &Incoming, act: impl FnOnce(&mut State, &str, Params) -> Reply) -> Reply {
    let mut state = world.write();
    let Some(uid) = web::signed_in(&state, request) else {
        return redirect("/login");
    };
    if !passes_csrf(&state, request) {
        return csrf_failure().with("x-user-id", uid);
    }
    let session = web::open(&mut state, request);
    let reply = match state.web.take_pending(&session) {
        Some(params) => act(&mut state, &uid, Params(params)),
        None => redirect("/"),
    };
    session.mark(reply).with("x-user-id", uid)
}

/// `GET /apps/oidc/api/consents` and `DELETE …/{id}`, as the personal settings page uses them.
pub(super) fn list_or_withdraw(world: &World, request: &Incoming, id: &str) -> Reply {
    let mut state = world.write();
    let Some(uid) = web::signed_in(&state, request) else {
        return Reply::json(401, &json!({"message": "Current user is not logged in"}));
    };
    if !passes_csrf(&state, request) {
        return csrf_failure().with("x-user-id", uid);
    }
    let reply = if request.method == "DELETE" {
        let client = id
            .trim_start_matches('/')
            .parse()
            .ok()
            .and_then(|id: u64| state.oidc.consents.get(&id))
            .filter(|consent| consent.uid == uid)
            .map(|consent| consent.client);
        match client {
            Some(client) => {
                state.oidc.withdraw_consent(&uid, client);
                Reply::json(200, &json!({"success": true}))
            }
            None => Reply::json(404, &json!({"error": "Consent not found"})),
        }
    } else {
        Reply::json(200, &listed(&state, &uid))
    };
    reply.with("x-user-id", uid)
}

fn listed(state: &State, uid: &str) -> Value {
    let consents = state
        .oidc
        .consents
        .iter()
        .filter(|(_, consent)| consent.uid == uid)
        .filter_map(|(id, consent)| {
            let client = &state.oidc.clients.get(&consent.client)?.facts;
            Some(json!({
                "id": id,
                "clientId": consent.client,
                "clientName": client.name,
                "clientIdentifier": client.id,
                "scopesGranted": consent.scopes,
                "allowedScopes": client.allowed_scopes,
                "createdAt": consent.created,
                "updatedAt": consent.updated,
            }))
        });
    Value::Array(consents.collect())
}

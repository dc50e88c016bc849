//! Nextcloud's identity provider, the `oidc` app 2.0.9, and `user_oidc`'s acceptance of its bearers (facts §3, §4).
//!
//! | file | concept |
//! |---|---|
//! | `settings` | what an administrator sets with `occ config:app:set oidc …` |
//! | `client` | registered clients |
//! | `grant` | what a user granted to a client: one row from the code to the last refresh |
//! | `state` | all of them, and the user's consents |
//! | `keys` | the signing keys and `jwks` |
//! | `claims` | what tokens say about a user |
//! | `tokens` | the issue of a grant's next tokens |
//! | `discovery` | the discovery document |
//! | `authorize` | the authorization endpoint |
//! | `consent` | the consent page and the list of consents |
//! | `client_auth` | client authentication |
//! | `token` | the token endpoint |
//! | `userinfo`, `introspect` | what an access token is good for |
//! | `register` | dynamic registration |
//! | `bearer` | access tokens at Nextcloud's own APIs |
//! | `external_issuer` | the same of other identity providers |
//! | `control` | what a test may set and see |

mod authorize;
mod bearer;
mod claims;
mod client;
mod client_auth;
mod consent;
mod control;
mod discovery;
mod external_issuer;
mod grant;
mod introspect;
mod keys;
mod register;
mod settings;
mod state;
mod token;
mod tokens;
mod userinfo;

pub use client::{OidcClient, TokenType};
pub use control::{IssuedTokens, Oidc};

pub(crate) use bearer::user_of_bearer;
pub(crate) use external_issuer::is_of_trusted_issuer;
pub(crate) use state::OidcState;
pub(crate) use token::{Arrival, read_on_arrival};

use serde_json::json;

use crate::http::{Incoming, Reply};
use crate::web;
use crate::world::World;

/// Answers what belongs to the identity provider and its login; `None` for everything else.
pub(crate) fn answer(world: &World, request: &Incoming, arrival: &Arrival) -> Option<Reply> {
    if let Some(rest) = request.path.strip_prefix("/.well-known/") {
        // The web server's own rule, in front of Nextcloud (facts §3).
        let target = format!("{}/index.php/.well-known/{rest}", request.origin());
        return Some(Reply::new(301, "text/html", "301 Moved Permanently").with("location", target));
    }
    let route = request.path.strip_prefix("/index.php").unwrap_or(&request.path);
    if route == "/login" {
        return Some(web::login(world, request));
    }
    if !world.read().oidc.settings.installed {
        return None;
    }
    if route == "/.well-known/openid-configuration" {
        let reply = discovery::discovery(&world.read(), request);
        return Some(reply.with("x-nextcloud-well-known", "1"));
    }
    let route = route.strip_prefix("/apps/oidc/")?;
    if let Some(client) = route.strip_prefix("register/") {
        return Some(register::configure(world, request, client));
    }
    if let Some(id) = route.strip_prefix("api/consents") {
        return Some(consent::list_or_withdraw(world, request, id));
    }
    match (request.method.as_str(), route) {
        ("GET", "openid-configuration") => Some(discovery::discovery(&world.read(), request)),
        ("GET", "jwks") => Some(keys::jwks(&world.read())),
        ("GET", "authorize") => Some(authorize::authorize(world, request)),
        ("GET", "redirect") => Some(authorize::resume(world, request)),
        ("GET", "consent") => Some(consent::show(world, request)),
        ("POST", "consent/grant") => Some(consent::grant(world, request)),
        ("POST", "consent/deny") => Some(consent::deny(world, request)),
        ("POST", "token") => Some(token::token(world, request, arrival)),
        ("GET" | "POST", "userinfo") => Some(userinfo::userinfo(world, request)),
        ("POST", "introspect") => Some(introspect::introspect(world, request)),
        ("POST", "register") => Some(register::register(world, request)),
        ("GET", "logout") => Some(authorize::logout(world, request)),
        // There is no `revoke` (recording `oidc/revocation_endpoint_missing`).
        _ => Some(Reply::html(404, "Page not found")),
    }
}

/// An error object of RFC 6749 §5.2.
fn failure(status: u16, error: &str, description: &str) -> Reply {
    Reply::json(status, &json!({"error": error, "error_description": description}))
}

/// A successful answer, open to scripts of every origin.
fn shared(reply: Reply, methods: &str) -> Reply {
    reply
        .with("access-control-allow-origin", "*")
        .with("access-control-allow-methods", methods)
}

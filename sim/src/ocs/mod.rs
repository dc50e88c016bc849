//! The OCS API: its envelope, its login rules and its routes.

mod account;
mod app_passwords;
mod capabilities;
mod envelope;

use serde_json::{Value, json};

use crate::auth::{Login, Session};
use crate::deck;
use crate::http::{Incoming, NO_CACHE, Reply};
use crate::sharing;
use crate::tables;
use crate::webhooks;
use crate::world::World;

/// What a route answers, before the envelope.
pub(crate) enum Outcome {
    Data(Value),
    /// Data with an `ETag` over it.
    Tagged(Value),
    /// HTTP status (also the OCS status code) and message.
    Refused(u16, &'static str),
    /// The same with a text of its own.
    RefusedWith(u16, String),
    /// An answer without an envelope.
    Whole(Reply),
    NoRoute,
}

/// Answers any `/ocs/v1.php` or `/ocs/v2.php` request.
pub(crate) fn answer(world: &World, request: &Incoming, v1: bool, login: &Login) -> Reply {
    let route = request
        .path
        .split_once(".php")
        .map_or("", |(_, route)| route)
        .trim_end_matches('/');
    let public = route == "/cloud/capabilities";
    match login {
        Login::WrongPassword | Login::Disabled(_) | Login::Throttled => {
            return login_failure(request, v1, login);
        }
        Login::BadBearer if !public => return login_failure(request, v1, login),
        _ => {}
    }
    let session = match login {
        Login::Done(session) => Some(session),
        _ => None,
    };
    let valid_bearer = session.is_some_and(|session| session.bearer);
    if !request.has_ocs_header() && !valid_bearer {
        return Reply::json(412, &json!({"message": "CSRF check failed"}));
    }
    if public {
        let data = capabilities::capabilities(&world.read(), session);
        return tagged(request, v1, &data);
    }
    let Some(session) = session else {
        return login_failure(request, v1, login);
    };
    match routed(world, request, route, session) {
        Outcome::Data(data) => success(request, v1, &data),
        Outcome::Tagged(data) => tagged(request, v1, &data),
        Outcome::Refused(status, message) => failure(request, v1, status, status, message),
        Outcome::RefusedWith(status, message) => failure(request, v1, status, status, &message),
        Outcome::Whole(reply) => reply,
        Outcome::NoRoute => failure(
            request,
            v1,
            404,
            998,
            "Invalid query, please check the syntax. API specifications are here: \
             http://www.freedesktop.org/wiki/Specifications/open-collaboration-services.\n",
        ),
    }
}

fn routed(world: &World, request: &Incoming, route: &str, session: &Session) -> Outcome {
    match (request.method.as_str(), route) {
        ("GET", "/cloud/user") => account::own(&world.read(), &session.uid),
        ("GET", "/cloud/apps") => account::apps(&world.read(), &session.uid),
        ("GET", "/core/navigation/apps") => account::navigation(&world.read()),
        ("GET", "/core/getapppassword") => app_passwords::get(world, request, session),
        ("DELETE", "/core/apppassword") => app_passwords::delete(world, session),
        ("POST", "/core/apppassword/rotate") => app_passwords::rotate(world, session),
        ("GET", _) if route.starts_with("/cloud/users/") => {
            account::other(&world.read(), &session.uid, &route["/cloud/users/".len()..])
        }
        _ => app_route(world, request, route, &session.uid),
    }
}

fn app_route(world: &World, request: &Incoming, route: &str, uid: &str) -> Outcome {
    if let Some(rest) = route.strip_prefix("/apps/files_sharing/api/v1/shares") {
        return sharing::answer(world, request, rest, uid);
    }
    if let Some(rest) = route.strip_prefix("/apps/deck/api/v1.0") {
        return deck::comments(world, request, rest, uid);
    }
    if let Some(rest) = route.strip_prefix("/apps/tables/api/2") {
        return tables::answer_ocs(world, request, rest, uid);
    }
    match route.strip_prefix("/apps/webhook_listeners/api/v1/webhooks") {
        Some(rest) => webhooks::answer(world, request, rest, uid),
        None => Outcome::NoRoute,
    }
}

/// The answer to a missing or failed login.
pub(crate) fn login_failure(request: &Incoming, v1: bool, login: &Login) -> Reply {
    match login {
        Login::WrongPassword | Login::Disabled(_) => {
            let reply = failure(request, v1, 401, 997, "Unauthorised")
                .with("www-authenticate", "Basic realm=\"Authorisation Required\"");
            match login {
                Login::Disabled(Some(uid)) => reply.with("x-user-id", uid),
                _ => reply,
            }
        }
        Login::Throttled => failure(request, v1, 429, 429, "Reached maximum delay"),
        _ => failure(request, v1, 401, 997, "Current user is not logged in"),
    }
}

fn tagged(request: &Incoming, v1: bool, data: &Value) -> Reply {
    let etag = crate::world::md5_hex(&data.to_string());
    success(request, v1, data).with("etag", format!("\"{etag}\""))
}

fn success(request: &Incoming, v1: bool, data: &Value) -> Reply {
    let code = if v1 { 100 } else { 200 };
    envelope::reply(request, 200, &envelope::meta(v1, "ok", code, "OK"), data)
}

/// A failure: v1 hides most of them behind HTTP 200, but not these (recordings `base/*_v1`).
pub(crate) fn failure(request: &Incoming, v1: bool, status: u16, code: u16, message: &str) -> Reply {
    let status = if v1 && ![401, 429, 500, 503].contains(&status) {
        200
    } else {
        status
    };
    let meta = envelope::meta(v1, "failure", code, message);
    envelope::reply(request, status, &meta, &json!([]))
}

/// The headers of every OCS answer.
fn finish(status: u16, kind: &str, body: String) -> Reply {
    Reply::new(status, &format!("application/{kind}; charset=utf-8"), body).with("cache-control", NO_CACHE)
}

//! The login form: `GET` and `POST /login` (recordings `auth/login_form_*`).

use super::page::{page, redirect};
use super::session::{Opened, csrf_failure, open, passes_csrf, signed_in};
use crate::auth::{Login, login_by_form};
use crate::dav::escape;
use crate::http::{Incoming, Reply};
use crate::world::{State, World};

/// Answers `/login`.
pub(crate) fn login(world: &World, request: &Incoming) -> Reply {
    match request.method.as_str() {
        "GET" => form(&mut world.write(), request),
        "POST" => submit(world, request),
        _ => Reply::html(405, "Method not allowed"),
    }
}

fn form(state: &mut State, request: &Incoming) -> Reply {
    let session = open(state, request);
    let target = request.query_value("redirect_url").unwrap_or_default();
    if let Some(uid) = signed_in(state, request) {
        return session
            .mark(redirect(after_login(request, &target)))
            .with("x-user-id", uid);
    }
    session.mark(render(state, &session, &target))
}

fn render(state: &State, session: &Opened, target: &str) -> Reply {
    let token = state.web.request_token(session);
    let body = format!(
        "<h1>Log in to Nextcloud</h1>\n<form id=\"login\" method=\"post\" action=\"/login\">\n\
         <p><label>Account name or email <input name=\"user\" autocomplete=\"username\" autofocus></label></p>\n\
         <p><label>Password <input name=\"password\" type=\"password\" autocomplete=\"current-password\"></label></p>\n\
         <input type=\"hidden\" name=\"requesttoken\" value=\"{}\">\n\
         <input type=\"hidden\" name=\"redirect_url\" value=\"{}\">\n\
         <p><button type=\"submit\">Log in</button></p>\n</form>",
        escape(token),
        escape(target)
    );
    page("Login – Nextcloud", token, &body)
}

/// Needs the form's token and, as a defence against foreign pages, an `Origin` of this host.
fn submit(world: &World, request: &Incoming) -> Reply {
    let session = open(&mut world.write(), request);
    if !passes_csrf(&world.read(), request) {
        return session.mark(csrf_failure());
    }
    let target = request.text("redirect_url").unwrap_or_default();
    let same_origin = request.header("origin") == Some(&request.origin());
    let user = request.text("user").unwrap_or_default();
    let password = request.text("password").unwrap_or_default();
    let login = if same_origin {
        login_by_form(world, request.peer, &user, &password)
    } else {
        Login::WrongPassword
    };
    if let Login::Done(done) = login {
        let session = world.write().web.sign_in(&session, &done.uid);
        return session
            .mark(redirect(after_login(request, &target)))
            .with("x-user-id", done.uid);
    }
    let mut reply = session.mark(redirect(format!(
        "/login?user={}&redirect_url={}",
        crate::http::encode(&user),
        crate::http::encode(&target)
    )));
    reply.delay_ms = world.read().failed_login_delay_ms;
    reply
}

/// Only paths of this host are followed.
fn after_login(request: &Incoming, target: &str) -> String {
    let own_path = target.starts_with('/') && !target.starts_with("//");
    let path = if own_path { target } else { "/apps/dashboard/" };
    format!("{}{path}", request.origin())
}

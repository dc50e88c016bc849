//! From a request to the app that answers it, and the answers that come before any app.

use crate::auth::{Login, Session, authenticate};
use crate::dav;
use crate::deck;
use crate::http::{Incoming, Reply};
use crate::notes;
use crate::ocs;
use crate::oidc::{self, Arrival};
use crate::tables;
use crate::web::signed_in;
use crate::world::World;

/// The API families, each with error shapes of its own (facts §1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Area {
    Status,
    Ocs { v1: bool },
    Dav,
    Index,
}

impl Area {
    pub(crate) fn of(path: &str) -> Self {
        if path == "/status.php" {
            Self::Status
        } else if path.starts_with("/ocs/v1.php") {
            Self::Ocs { v1: true }
        } else if path.starts_with("/ocs/v2.php") {
            Self::Ocs { v1: false }
        } else if path.starts_with("/remote.php") {
            Self::Dav
        } else {
            Self::Index
        }
    }
}

/// Answers a request, faults aside.
pub(crate) fn answer(world: &World, request: &Incoming, arrival: &Arrival) -> Reply {
    let area = Area::of(&request.path);
    if area == Area::Status {
        return status_php(world);
    }
    if world.read().maintenance {
        return maintenance(request);
    }
    // Before any login: `Authorization` means something else there.
    if let Some(reply) = oidc::answer(world, request, arrival) {
        return reply;
    }
    let login = by_cookie(world, request).unwrap_or_else(|| authenticate(world, request));
    let mut reply = match area {
        Area::Ocs { v1 } => ocs::answer(world, request, v1, &login),
        Area::Dav => dav::answer(world, request, &login),
        Area::Index | Area::Status => index(world, request, &login),
    };
    match &login {
        Login::Done(session) if reply.names_user => reply = reply.with("x-user-id", &session.uid),
        Login::WrongPassword => reply.delay_ms = world.read().failed_login_delay_ms,
        _ => {}
    }
    match login {
        Login::Done(session) if session.bearer && session.app_password.is_none() => {
            let mut state = world.write();
            state.oidc.bearer_sessions += 1;
            state.web.open_for(&session.uid).mark(reply)
        }
        _ => reply,
    }
}

/// A browser session goes before every `Authorization` header: a client that keeps cookies acts as whoever
/// came before (facts §0 row 17). Scripts show themselves by the OCS header.
fn by_cookie(world: &World, request: &Incoming) -> Option<Login> {
    if !request.has_ocs_header() {
        return None;
    }
    let uid = signed_in(&world.read(), request)?;
    Some(Login::Done(Session {
        uid,
        app_password: None,
        bearer: false,
    }))
}

/// `status.php`: no login, no cache, 200 also in maintenance.
fn status_php(world: &World) -> Reply {
    let body = serde_json::json!({
        "installed": true,
        "maintenance": world.read().maintenance,
        "needsDbUpgrade": false,
        "version": "34.0.1.2",
        "versionstring": "34.0.1",
        "edition": "",
        "productname": "Nextcloud",
        "extendedSupport": false,
    });
    Reply::new(200, "application/json", body.to_string()).with("access-control-allow-origin", "*")
}

/// The answer of maintenance mode to this request.
pub(crate) fn maintenance(request: &Incoming) -> Reply {
    match Area::of(&request.path) {
        Area::Ocs { v1 } => ocs::failure(request, v1, 503, 503, "Service unavailable")
            .with("x-nextcloud-maintenance-mode", "1"),
        Area::Dav => dav::error(
            503,
            "OCA\\DAV\\Exception\\ServerMaintenanceMode",
            "System is in maintenance mode.",
        ),
        Area::Index | Area::Status => Reply::html(503, "Maintenance mode")
            .with("x-nextcloud-maintenance-mode", "1")
            .with("retry-after", "120"),
    }
}

/// An injected status in the shape of the API that was asked.
pub(crate) fn status_fault(request: &Incoming, status: u16) -> Reply {
    let area = Area::of(&request.path);
    match (area, status) {
        (Area::Ocs { v1 }, 401) => ocs::login_failure(request, v1, &Login::WrongPassword),
        (Area::Ocs { v1 }, 429) => ocs::failure(request, v1, 429, 429, "Reached maximum delay"),
        (Area::Ocs { v1 }, 500) => ocs::failure(request, v1, 500, 996, "Internal Server Error"),
        (Area::Ocs { v1 }, _) => ocs::failure(request, v1, status, status, "Injected fault"),
        (Area::Dav, 401) => dav::login_failure(request, &Login::WrongPassword),
        (Area::Dav, 429) => dav::login_failure(request, &Login::Throttled),
        (Area::Dav, 503) => dav::error(
            503,
            "Sabre\\DAV\\Exception\\ServiceUnavailable",
            "Storage is temporarily not available",
        ),
        (Area::Dav, _) => dav::error(status, "Sabre\\DAV\\Exception", "Injected fault"),
        (Area::Index, 401) => notes::login_failure(request, &Login::WrongPassword),
        (Area::Index, 429) => notes::login_failure(request, &Login::Throttled),
        (Area::Index | Area::Status, _) => Reply::html(status, "Internal Server Error"),
    }
}

/// App routes, with or without `/index.php`.
fn index(world: &World, request: &Incoming, login: &Login) -> Reply {
    let route = request.path.strip_prefix("/index.php").unwrap_or(&request.path);
    if let Some(rest) = route.strip_prefix("/apps/notes/api/")
        && world.read().notes_enabled
    {
        return notes::answer(world, request, rest, login);
    }
    if let Some(rest) = route.strip_prefix("/apps/deck/api/")
        && world.read().deck.enabled
    {
        return deck::answer(world, request, rest, login);
    }
    if let Some(rest) = route.strip_prefix("/apps/tables/api/1/")
        && world.read().tables.enabled
    {
        return tables::answer(world, request, rest, login);
    }
    Reply::html(404, "Page not found").with("cache-control", crate::http::NO_CACHE)
}

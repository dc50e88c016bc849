//! `WebDAV`: `/remote.php/dav/files/<uid>/…`, the older `/remote.php/webdav/…`, and SEARCH on `/remote.php/dav/`.

mod copy_move;
mod error;
mod get;
mod groupware;
mod multistatus;
mod propfind;
mod proppatch;
mod props;
mod report;
mod search;
mod search_query;
mod system_tags;
mod write;
mod xml;

pub(crate) use error::error;
pub(crate) use groupware::{Collection, GroupwareState, Kind};
pub(crate) use multistatus::escape;

use crate::auth::Login;
use crate::http::{Incoming, Reply};
use crate::world::World;

/// `DAV` header of PROPFIND and OPTIONS answers.
const DAV_CLASSES: &str = "1, 3, extended-mkcol, access-control, calendarserver-principal-property-search, \
     nc-paginate, nextcloud-checksum-update, nc-calendar-search, nc-enable-birthday-calendar, 2";

/// `Allow` of a method that a resource does not have.
const ALLOWED: &str =
    "OPTIONS, GET, HEAD, DELETE, PROPFIND, PUT, PROPPATCH, COPY, MOVE, REPORT, LOCK, UNLOCK";

/// The resource that a request names.
pub(super) struct Target {
    /// Who asks.
    pub(super) uid: String,
    /// `/` or `/a/b` in the own tree.
    pub(super) path: String,
    /// What hrefs start with, e.g. `/remote.php/dav/files/alice`.
    pub(super) prefix: String,
}

/// Where a path leads.
enum Place {
    Files(Target),
    Groupware(groupware::Target),
    /// Another user's home folder: visible as an empty collection (facts §1).
    ForeignHome(String),
    ForeignFile {
        owner: String,
        path: String,
    },
    Root,
    Elsewhere,
}

/// Answers any `WebDAV` request.
pub(crate) fn answer(world: &World, request: &Incoming, login: &Login) -> Reply {
    let Login::Done(session) = login else {
        return login_failure(request, login);
    };
    if let Some(reply) = system_tags::answer(world, request, session) {
        return reply;
    }
    match place(&request.path, &session.uid) {
        Place::Files(target) => files(world, request, &target),
        Place::Groupware(target) => groupware::answer(world, request, &target),
        Place::Root if request.method == "SEARCH" => search::search(&world.read(), request, &session.uid),
        Place::ForeignHome(owner) if request.method == "PROPFIND" => propfind::foreign_home(&owner),
        Place::ForeignHome(owner) => error::not_found(&format!("File not found: in '{owner}'")),
        Place::ForeignFile { owner, path } => error::not_found(&format!(
            "File not found: {} in '{owner}'",
            path.trim_start_matches('/')
        )),
        Place::Root | Place::Elsewhere => error::not_found("This resource is not simulated"),
    }
}

fn files(world: &World, request: &Incoming, target: &Target) -> Reply {
    match request.method.as_str() {
        "PROPFIND" => propfind::propfind(&world.read(), request, target),
        "GET" | "HEAD" => get::get(&world.read(), request, target),
        "PUT" => write::put(&mut world.write(), request, target),
        "MKCOL" => write::mkcol(&mut world.write(), target),
        "DELETE" => write::delete(&mut world.write(), target),
        "MOVE" | "COPY" => copy_move::transfer(&mut world.write(), request, target),
        "PROPPATCH" => proppatch::proppatch(&mut world.write(), request, target),
        "REPORT" => report::report(&world.read(), request, target),
        "OPTIONS" => Reply::new(200, "", "")
            .with("dav", DAV_CLASSES)
            .with("allow", ALLOWED),
        _ => error(
            501,
            "Sabre\\DAV\\Exception\\NotImplemented",
            "There was no handler found for this request method",
        ),
    }
}

fn place(path: &str, uid: &str) -> Place {
    if let Some(rest) = path.strip_prefix("/remote.php/webdav") {
        return Place::Files(Target {
            uid: uid.to_owned(),
            path: normalize(rest),
            prefix: "/remote.php/webdav".to_owned(),
        });
    }
    let Some(rest) = path.strip_prefix("/remote.php/dav") else {
        return Place::Elsewhere;
    };
    if rest.trim_matches('/').is_empty() {
        return Place::Root;
    }
    let Some(rest) = rest.strip_prefix("/files/") else {
        return groupware::Target::of(rest, uid).map_or(Place::Elsewhere, Place::Groupware);
    };
    let (owner, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let path = normalize(rest);
    if owner != uid {
        let owner = owner.to_owned();
        return if path == "/" {
            Place::ForeignHome(owner)
        } else {
            Place::ForeignFile { owner, path }
        };
    }
    Place::Files(Target {
        uid: uid.to_owned(),
        path,
        prefix: format!("/remote.php/dav/files/{owner}"),
    })
}

/// One slash at the start, none at the end, no empty segments.
fn normalize(path: &str) -> String {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    format!("/{}", segments.join("/"))
}

/// The path of the own tree that a `Destination` header names.
pub(super) fn destination(request: &Incoming, uid: &str) -> Option<String> {
    let header = request.header("destination")?;
    let path = match header.find("://") {
        Some(at) => {
            let rest = &header[at + 3..];
            &rest[rest.find('/')?..]
        }
        None => header,
    };
    match place(&crate::http::decode(path), uid) {
        Place::Files(target) => Some(target.path),
        _ => None,
    }
}

/// The answer to a missing or failed login (facts §1).
pub(crate) fn login_failure(request: &Incoming, login: &Login) -> Reply {
    let no_basic = "No 'Authorization: Basic' header found. Either the client didn't send one, \
                    or the server is misconfigured";
    let no_bearer = "No 'Authorization: Bearer' header found. Either the client didn't send one, \
                     or the server is mis-configured";
    let (basic, bearer) = match login {
        Login::Throttled => return error::too_many_requests(),
        Login::Disabled(_) => {
            return error(
                503,
                "Sabre\\DAV\\Exception\\ServiceUnavailable",
                "OC\\User\\DisabledUserException: Account disabled",
            );
        }
        Login::WrongPassword => ("Username or password was incorrect", no_bearer),
        Login::BadBearer => (no_basic, "Bearer token was incorrect"),
        Login::Anonymous | Login::Done(_) => (no_basic, no_bearer),
    };
    let exception = "Sabre\\DAV\\Exception\\NotAuthenticated";
    if request.header("x-requested-with") == Some("XMLHttpRequest") {
        return error(401, exception, "Cannot authenticate over ajax calls")
            .with("www-authenticate", "DummyBasic realm=\"Nextcloud\"");
    }
    let message = format!(
        "No public access to this resource., AppAPIAuth has not passed, \
         This request is not for a federated calendar, {basic}, {bearer}, {basic}"
    );
    error(401, exception, &message).with("www-authenticate", "Basic realm=\"Nextcloud\", charset=\"UTF-8\"")
}

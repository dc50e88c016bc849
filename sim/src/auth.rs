//! Who is asking: Basic with an account or app password, an app password or access token as bearer, and the
//! login throttle.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::http::Incoming;
use crate::oidc::user_of_bearer;
use crate::world::{State, World};

/// More failures than this within [`THROTTLE_SECONDS`] lock an address out (facts §0 row 8).
const ALLOWED_FAILURES: usize = 10;

/// How long a failure counts.
const THROTTLE_SECONDS: i64 = 30 * 60;

/// What the `Authorization` header holds.
pub(crate) enum Credentials {
    None,
    Basic { login: String, password: String },
    Bearer(String),
}

impl Credentials {
    /// A header that is neither Basic nor Bearer, or malformed, counts as absent.
    pub(crate) fn of(request: &Incoming) -> Self {
        let Some((scheme, value)) = request
            .header("authorization")
            .and_then(|header| header.split_once(' '))
        else {
            return Self::None;
        };
        if scheme.eq_ignore_ascii_case("bearer") {
            return Self::Bearer(value.trim().to_owned());
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Self::None;
        }
        let decoded = STANDARD.decode(value.trim()).ok();
        let text = decoded.and_then(|bytes| String::from_utf8(bytes).ok());
        match text.as_deref().and_then(|text| text.split_once(':')) {
            Some((login, password)) => Self::Basic {
                login: login.to_owned(),
                password: password.to_owned(),
            },
            None => Self::None,
        }
    }
}

/// The outcome of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    Anonymous,
    BadBearer,
    WrongPassword,
    /// Holds the user if the login was a bearer, whom OCS names even so.
    Disabled(Option<String>),
    Throttled,
    Done(Session),
}

/// An authenticated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) uid: String,
    /// The app password in use, if one was.
    pub(crate) app_password: Option<String>,
    /// Whether an app password or access token came as a bearer.
    pub(crate) bearer: bool,
}

/// Checks a request's credentials; a wrong password counts towards the throttle.
pub(crate) fn authenticate(world: &World, request: &Incoming) -> Login {
    let login = match Credentials::of(request) {
        Credentials::None => Login::Anonymous,
        Credentials::Bearer(token) => bearer(world, request.peer, &token),
        Credentials::Basic { login, password } => {
            let state = world.read();
            if throttled(&state, request.peer) {
                Login::Throttled
            } else {
                basic(&state, &login, &password)
            }
        }
    };
    if login == Login::WrongPassword {
        count_failure(world, request.peer);
    }
    login
}

/// Checks what was typed into the login form: an account password; a wrong one counts towards the throttle.
pub(crate) fn login_by_form(world: &World, peer: IpAddr, login: &str, password: &str) -> Login {
    if throttled(&world.read(), peer) {
        return Login::Throttled;
    }
    let outcome = account(&world.read(), login, password);
    if outcome == Login::WrongPassword {
        count_failure(world, peer);
    }
    outcome
}

fn count_failure(world: &World, peer: IpAddr) {
    let mut state = world.write();
    let now = state.now();
    let failures = state.failed_logins.entry(peer).or_default();
    failures.retain(|at| at + THROTTLE_SECONDS > now);
    failures.push_back(now);
}

fn throttled(state: &State, peer: IpAddr) -> bool {
    let oldest = state.now() - THROTTLE_SECONDS;
    state
        .failed_logins
        .get(&peer)
        .is_some_and(|failures| failures.iter().filter(|at| **at > oldest).count() > ALLOWED_FAILURES)
}

/// Login by e-mail or in other case works with the account password only (facts §1).
fn basic(state: &State, login: &str, password: &str) -> Login {
    let token = state
        .valid_app_password(password)
        .filter(|token| token.login_name == login);
    if let Some(token) = token {
        return finish(state, token.uid.clone(), Some(token.token.clone()), false);
    }
    account(state, login, password)
}

fn account(state: &State, login: &str, password: &str) -> Login {
    let user = state.users.values().find(|user| {
        user.password == password
            && (user.login_name.eq_ignore_ascii_case(login) || user.email.eq_ignore_ascii_case(login))
    });
    match user {
        Some(user) => finish(state, user.uid.clone(), None, false),
        None => Login::WrongPassword,
    }
}

/// While an address is throttled, a bearer is answered as if it were invalid
/// (recording `base/bruteforce_after_bearer`).
fn bearer(world: &World, peer: IpAddr, token: &str) -> Login {
    {
        let state = world.read();
        if throttled(&state, peer) {
            return Login::BadBearer;
        }
        if let Some(known) = state.valid_app_password(token) {
            return finish(&state, known.uid.clone(), Some(known.token.clone()), true);
        }
    }
    match user_of_bearer(world, token) {
        Some(uid) => finish(&world.read(), uid, None, true),
        None => Login::BadBearer,
    }
}

fn finish(state: &State, uid: String, app_password: Option<String>, bearer: bool) -> Login {
    match state.user(&uid) {
        Some(user) if user.enabled => Login::Done(Session {
            uid,
            app_password,
            bearer,
        }),
        Some(_) => Login::Disabled(bearer.then_some(uid)),
        None if bearer => Login::BadBearer,
        None => Login::WrongPassword,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(world: &World, login: &str, password: &str) -> Login {
        let mut headers = axum::http::HeaderMap::new();
        let value = format!("Basic {}", STANDARD.encode(format!("{login}:{password}")));
        headers.insert("authorization", value.parse().unwrap());
        let request = Incoming {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: String::new(),
            headers,
            body: axum::body::Bytes::new(),
            peer: std::net::Ipv4Addr::LOCALHOST.into(),
        };
        authenticate(world, &request)
    }

    fn uid(outcome: &Login) -> Option<&str> {
        match outcome {
            Login::Done(session) => Some(&session.uid),
            _ => None,
        }
    }

    #[test]
    fn the_eleventh_failure_locks_everyone_out_for_half_an_hour() {
        let world = World::new();
        for _ in 0..=ALLOWED_FAILURES {
            assert_eq!(login(&world, "alice", "wrong"), Login::WrongPassword);
        }
        assert_eq!(login(&world, "bob", "bob-pass-1"), Login::Throttled);
        world.advance_clock(THROTTLE_SECONDS);
        assert_eq!(uid(&login(&world, "bob", "bob-pass-1")), Some("bob"));
    }

    #[test]
    fn reset_lifts_the_lock() {
        let world = World::new();
        for _ in 0..=ALLOWED_FAILURES {
            login(&world, "alice", "wrong");
        }
        world.reset_throttle();
        assert_eq!(uid(&login(&world, "alice", "alice-pass-1")), Some("alice"));
    }

    #[test]
    fn an_app_password_needs_its_own_login_name() {
        let world = World::new();
        world.add_user("4711-uid", "carol", "carol-pass", &[]);
        let token = world.app_password("4711-uid");
        assert_eq!(token.split('-').map(str::len).collect::<Vec<_>>(), [5; 5]);
        assert_eq!(uid(&login(&world, "carol", &token)), Some("4711-uid"));
        assert_eq!(login(&world, "4711-uid", &token), Login::WrongPassword);
        assert_eq!(
            login(&world, "4711-uid@example.test", &token),
            Login::WrongPassword
        );
        assert_eq!(
            uid(&login(&world, "4711-uid@example.test", "carol-pass")),
            Some("4711-uid")
        );
        assert_eq!(uid(&login(&world, "CAROL", "carol-pass")), Some("4711-uid"));
        world.revoke_app_password(&token);
        assert_eq!(login(&world, "carol", &token), Login::WrongPassword);
    }

    #[test]
    fn a_disabled_user_is_told_apart() {
        let world = World::new();
        world.disable_user("alice");
        assert_eq!(login(&world, "alice", "alice-pass-1"), Login::Disabled(None));
        world.enable_user("alice");
        assert_eq!(uid(&login(&world, "alice", "alice-pass-1")), Some("alice"));
    }
}

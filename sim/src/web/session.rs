//! Cookie sessions: one per browser, anonymous until the login form is passed.

use std::collections::HashMap;

use serde_json::json;

use crate::INSTANCE_ID;
use crate::http::{Incoming, Reply};
use crate::random::random_text;
use crate::world::State;

/// One browser's session.
#[derive(Debug)]
struct WebSession {
    uid: Option<String>,
    /// What forms must send back.
    request_token: String,
    /// The authorization request that waits for the user's consent.
    pending: Option<Vec<(String, String)>>,
}

/// All sessions, by the value of the session cookie.
#[derive(Debug, Default)]
pub(crate) struct WebSessions {
    by_id: HashMap<String, WebSession>,
}

/// The session of one request, new if the request brought none.
pub(crate) struct Opened {
    id: String,
    fresh: bool,
}

/// Finds or makes the session of a request.
pub(crate) fn open(state: &mut State, request: &Incoming) -> Opened {
    match cookie(request, INSTANCE_ID) {
        Some(id) if state.web.by_id.contains_key(&id) => Opened { id, fresh: false },
        _ => Opened {
            id: state.web.create(None),
            fresh: true,
        },
    }
}

/// The enabled user whose session a request brings.
pub(crate) fn signed_in(state: &State, request: &Incoming) -> Option<String> {
    let session = state.web.by_id.get(&cookie(request, INSTANCE_ID)?)?;
    let uid = session.uid.as_ref()?;
    state
        .user(uid)
        .filter(|user| user.enabled)
        .map(|user| user.uid.clone())
}

/// Whether the request brings its session's token, in a field or header.
pub(crate) fn passes_csrf(state: &State, request: &Incoming) -> bool {
    let sent = match request.header("requesttoken") {
        Some(header) => Some(header.to_owned()),
        None => request.text("requesttoken"),
    };
    cookie(request, INSTANCE_ID)
        .and_then(|id| state.web.by_id.get(&id))
        .is_some_and(|session| sent.as_deref() == Some(&session.request_token))
}

/// The answer to a form without its token.
pub(crate) fn csrf_failure() -> Reply {
    Reply::json(412, &json!({"message": "CSRF check failed"}))
}

impl WebSessions {
    fn create(&mut self, uid: Option<String>) -> String {
        let id = random_text(26).to_lowercase();
        let session = WebSession {
            uid,
            request_token: format!("{}:{}", random_text(44), random_text(44)),
            pending: None,
        };
        self.by_id.insert(id.clone(), session);
        id
    }

    /// A new session of a user who brought an access token.
    pub(crate) fn open_for(&mut self, uid: &str) -> Opened {
        Opened {
            id: self.create(Some(uid.to_owned())),
            fresh: true,
        }
    }

    /// Replaces an anonymous session by a signed-in one.
    pub(super) fn sign_in(&mut self, old: &Opened, uid: &str) -> Opened {
        self.by_id.remove(&old.id);
        Opened {
            id: self.create(Some(uid.to_owned())),
            fresh: false,
        }
    }

    /// Ends a session.
    pub(crate) fn end(&mut self, session: &Opened) {
        self.by_id.remove(&session.id);
    }

    /// What a form of this session must send back.
    pub(crate) fn request_token(&self, session: &Opened) -> &str {
        self.by_id
            .get(&session.id)
            .map_or("", |session| &session.request_token)
    }

    /// Keeps an authorization request until the user has decided.
    pub(crate) fn set_pending(&mut self, session: &Opened, params: Vec<(String, String)>) {
        if let Some(session) = self.by_id.get_mut(&session.id) {
            session.pending = Some(params);
        }
    }

    /// The authorization request that waits.
    pub(crate) fn pending(&self, session: &Opened) -> Option<&Vec<(String, String)>> {
        self.by_id.get(&session.id)?.pending.as_ref()
    }

    /// Takes the authorization request that waits.
    pub(crate) fn take_pending(&mut self, session: &Opened) -> Option<Vec<(String, String)>> {
        self.by_id.get_mut(&session.id)?.pending.take()
    }
}

impl Opened {
    /// Adds the cookies that Nextcloud sets: four to a new browser, one to a known one.
    pub(crate) fn mark(&self, mut reply: Reply) -> Reply {
        if self.fresh {
            let passphrase = random_text(128);
            reply = reply
                .with(
                    "set-cookie",
                    format!("oc_sessionPassphrase={passphrase}; path=/; HttpOnly; SameSite=Lax"),
                )
                .with("set-cookie", same_site("lax"))
                .with("set-cookie", same_site("strict"));
        }
        reply.with(
            "set-cookie",
            format!("{INSTANCE_ID}={}; path=/; HttpOnly; SameSite=Lax", self.id),
        )
    }
}

fn same_site(kind: &str) -> String {
    format!(
        "nc_sameSiteCookie{kind}=true; path=/; httponly;expires=Fri, 31-Dec-2100 23:59:59 GMT; SameSite={kind}"
    )
}

fn cookie(request: &Incoming, name: &str) -> Option<String> {
    request
        .headers
        .get_all("cookie")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

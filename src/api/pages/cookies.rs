//! Names and attributes of the cookies.

use super::PagesState;
use crate::auth::browser::BrowserToken;
use axum::response::Response;
use cookie::time::Duration;
use cookie::{Cookie, SameSite};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

/// What a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::api) enum Purpose {
    /// Who is logged in.
    Session,
    /// Which browser began a consent or login: its callback must come back to the same one.
    Flow,
}

impl Purpose {
    /// With the prefix `__Host-` a browser takes the cookie only from this very host over https, so that no
    /// neighbouring host can plant one. It does not exist without https.
    fn name(self, state: &PagesState) -> &'static str {
        match (self, state.is_https()) {
            (Self::Session, true) => "__Host-mcp_session",
            (Self::Session, false) => "mcp_session",
            (Self::Flow, true) => "__Host-mcp_flow",
            (Self::Flow, false) => "mcp_flow",
        }
    }

    /// Sessions end in the database first; a flow lasts ten minutes, and its page may be read before.
    fn max_age(self) -> Duration {
        match self {
            Self::Session => Duration::days(7),
            Self::Flow => Duration::hours(1),
        }
    }

    /// The token in this request's cookie.
    pub(super) fn read(self, headers: &HeaderMap, state: &PagesState) -> Option<BrowserToken> {
        let name = self.name(state);
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(Cookie::split_parse)
            .filter_map(Result::ok)
            .find(|cookie| cookie.name() == name)
            .and_then(|cookie| BrowserToken::parse(cookie.value()))
    }
}

/// Gives the browser a cookie with `token`. Lax: it must come back with the redirect from the identity provider.
pub(in crate::api) fn give(
    response: &mut Response,
    state: &PagesState,
    purpose: Purpose,
    token: &BrowserToken,
) {
    set(response, state, purpose, token.expose(), purpose.max_age());
}

/// Makes the browser forget the cookie.
pub(in crate::api) fn forget(response: &mut Response, state: &PagesState, purpose: Purpose) {
    set(response, state, purpose, "", Duration::ZERO);
}

fn set(response: &mut Response, state: &PagesState, purpose: Purpose, value: &str, max_age: Duration) {
    let cookie = Cookie::build((purpose.name(state), value))
        .path("/")
        .http_only(true)
        .secure(state.is_https())
        .same_site(SameSite::Lax)
        .max_age(max_age)
        .build();
    if let Ok(mut value) = HeaderValue::from_str(&cookie.to_string()) {
        value.set_sensitive(true);
        response.headers_mut().append(SET_COOKIE, value);
    }
}

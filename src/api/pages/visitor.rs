//! The browser that asks.

use super::{PagesState, Problem, Purpose};
use crate::api::{ClientAddress, RequestId};
use crate::audit::AuditOrigin;
use crate::auth::Principal;
use crate::auth::browser::BrowserToken;
use axum::extract::FromRequestParts;
use axum::response::Response;
use http::request::Parts;
use std::net::IpAddr;

/// A session that stands.
#[derive(Debug, Clone)]
pub(in crate::api) struct Session {
    /// The cookie.
    pub(in crate::api) token: BrowserToken,
    /// Who is logged in.
    pub(in crate::api) principal: Principal,
}

/// The browser that asks: its session, its cookie, its address.
#[derive(Debug, Clone)]
pub(in crate::api) struct Visitor {
    /// `None`: nobody is logged in.
    pub(in crate::api) session: Option<Session>,
    /// The cookie of its consents and logins.
    pub(in crate::api) flow: Option<BrowserToken>,
    /// From where, for the audit trail.
    pub(in crate::api) origin: AuditOrigin,
}

impl Visitor {
    /// The client's address.
    pub(in crate::api) fn address(&self) -> Option<IpAddr> {
        self.origin.address
    }
}

impl FromRequestParts<PagesState> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &PagesState) -> Result<Self, Self::Rejection> {
        let session = match Purpose::Session.read(&parts.headers, state) {
            Some(token) => {
                let principal = state.parts().sessions.principal(&token).await;
                principal
                    .map_err(|error| Problem::database(&error).response(state, None))?
                    .map(|principal| Session { token, principal })
            }
            None => None,
        };
        Ok(Self {
            session,
            flow: Purpose::Flow.read(&parts.headers, state),
            origin: AuditOrigin {
                address: parts.extensions.get::<ClientAddress>().map(|client| client.0),
                request_id: parts
                    .extensions
                    .get::<RequestId>()
                    .map(|id| id.as_str().to_owned()),
            },
        })
    }
}

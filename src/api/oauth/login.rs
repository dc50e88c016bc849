//! `GET /oauth/login`: to the identity provider, and back to a page of this server.

use super::refusals;
use crate::api::pages::{PagesState, Purpose, Visitor, give};
use crate::auth::browser::BrowserToken;
use crate::auth::consent::LocalPath;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

/// The query of the route.
#[derive(Debug, Default, Deserialize)]
pub(in crate::api) struct Wanted {
    /// The page that was wanted; a path of this server.
    next: Option<String>,
}

/// Starts a login. It asks for nothing that lasts and stores nothing but a session, so it needs no form.
pub(in crate::api) async fn login(
    State(state): State<PagesState>,
    visitor: Visitor,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let next = match query.unwrap_or_default().0.next.as_deref() {
        None => LocalPath::overview(),
        Some(sent) => match LocalPath::parse(sent) {
            Ok(next) => next,
            Err(_) => return refusals::bad_link().response(&state, visitor.session.as_ref()),
        },
    };
    let address = visitor.address();
    let cookie = visitor
        .flow
        .unwrap_or_else(|| BrowserToken::random(&*state.parts().entropy));
    let consents = &state.parts().consents;
    match consents.start_login(&next, &cookie, address).await {
        Ok(started) => {
            let mut response = Redirect::to(started.authorization_url.as_str()).into_response();
            give(&mut response, &state, Purpose::Flow, &cookie);
            response
        }
        Err(error) => refusals::no_start(&error, &state).response(&state, visitor.session.as_ref()),
    }
}

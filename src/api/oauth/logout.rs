//! `POST /oauth/logout`: ends the session of this browser.

use crate::api::pages::{FormTargets, Layout, OwnForm, PagesState, Problem, Purpose, Visitor, forget, page};
use crate::auth::browser::Form;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde::Deserialize;

/// The form has no field but its token.
#[derive(Debug, Deserialize)]
pub(in crate::api) struct NoFields {}

#[derive(Template)]
#[template(path = "logged_out.html")]
struct LoggedOutPage {
    layout: Layout,
    nextcloud: String,
}

/// Ends the session. Whoever has none is logged out already.
pub(in crate::api) async fn logout(
    State(state): State<PagesState>,
    visitor: Visitor,
    form: OwnForm<NoFields>,
) -> Response {
    if let Some(session) = &visitor.session {
        if let Err(problem) = form.of(Form::Logout, Some(&session.token)) {
            return problem.response(&state, Some(session));
        }
        if let Err(error) = state.parts().sessions.end(&session.token).await {
            return Problem::database(&error).response(&state, Some(session));
        }
    }
    let content = LoggedOutPage {
        layout: Layout::new(&state, "Logged out", None),
        nextcloud: state.parts().urls.nextcloud_page("/"),
    };
    let mut response = page(StatusCode::OK, &content, FormTargets::Own);
    forget(&mut response, &state, Purpose::Session);
    response
}

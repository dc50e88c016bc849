//! `POST /app/revoke`: takes back everything that the user granted.

use crate::api::pages::{OwnForm, PagesState, Problem, Visitor};
use crate::auth::access::AccessError;
use crate::auth::browser::Form;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

/// The form has no field but its token.
#[derive(Debug, Deserialize)]
pub(in crate::api) struct NoFields {}

/// Takes it back, for the user of the session and nobody else.
pub(in crate::api) async fn revoke(
    State(state): State<PagesState>,
    visitor: Visitor,
    form: OwnForm<NoFields>,
) -> Response {
    let Some(session) = &visitor.session else {
        return Problem::not_logged_in(&state).response(&state, None);
    };
    if let Err(problem) = form.of(Form::Revoke, Some(&session.token)) {
        return problem.response(&state, Some(session));
    }
    let access = &state.parts().access;
    match access.revoke(&session.principal, &visitor.origin).await {
        Ok(_) | Err(AccessError::NotProvisioned) => {
            Redirect::to(&format!("{}/app?done=revoked", state.base())).into_response()
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a revocation is not complete"
            );
            Problem::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "Not everything is done yet",
                "Taking back your access could not be completed. Please try again: it goes on where it stopped.",
            )
            .exit("Your access", format!("{}/app", state.base()))
            .response(&state, Some(session))
        }
    }
}

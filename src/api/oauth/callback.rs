//! `GET /oauth/callback`: the browser comes back from the identity provider.

use super::refusals;
use crate::api::pages::{
    FormTargets, Layout, Moment, PagesState, Purpose, Session, Visitor, forget, give, page,
};
use crate::auth::Principal;
use crate::auth::browser::{Form, form_token};
use crate::auth::consent::{CallbackQuery, Consented, Finished};
use crate::config::BackgroundCredential;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

/// The query as it is sent. No `Debug`: it holds the code.
#[derive(Default, Deserialize)]
pub(in crate::api) struct Sent {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    iss: Option<String>,
}

#[derive(Template)]
#[template(path = "consented.html")]
struct ConsentedPage {
    layout: Layout,
    name: String,
    uid: String,
    nextcloud: String,
    is_app_password: bool,
    syncs: bool,
    ends_at: Option<Moment>,
    back: String,
    /// `None`: no session could be begun, so there is nothing to act with here.
    revoke_token: Option<String>,
}

/// Ends the flow, whatever it was for.
pub(in crate::api) async fn callback(
    State(state): State<PagesState>,
    visitor: Visitor,
    query: Result<Query<Sent>, QueryRejection>,
) -> Response {
    let Query(sent) = query.unwrap_or_default();
    let query = CallbackQuery {
        state: sent.state,
        code: sent.code.map(SecretString::from),
        error: sent.error,
        error_description: sent.error_description,
        iss: sent.iss,
    };
    let consents = &state.parts().consents;
    match consents
        .finish(query, visitor.flow.as_ref(), &visitor.origin)
        .await
    {
        Ok(Finished::Consented(consented)) => {
            let session = begin_session(&state, &visitor, &consented.principal).await;
            let mut response = consented_page(&state, consented, session.as_ref());
            carry(&mut response, &state, session.as_ref());
            response
        }
        Ok(Finished::LoggedIn { principal, next }) => {
            let session = begin_session(&state, &visitor, &principal).await;
            if session.is_none() {
                return refusals::no_session().response(&state, None);
            }
            let target = format!("{}{}", state.base(), next.as_str());
            let mut response = Redirect::to(&target).into_response();
            carry(&mut response, &state, session.as_ref());
            response
        }
        Err(why) => refusals::refused(why, &state).response(&state, visitor.session.as_ref()),
    }
}

/// Who went through a flow has proven who they are: to this browser their session belongs. A former one ends.
async fn begin_session(state: &PagesState, visitor: &Visitor, principal: &Principal) -> Option<Session> {
    let former = visitor.session.as_ref().map(|session| &session.token);
    match state.parts().sessions.begin(principal, former).await {
        Ok(token) => Some(Session {
            token,
            principal: principal.clone(),
        }),
        Err(error) => {
            tracing::error!(%error, "no browser session could be begun");
            None
        }
    }
}

fn carry(response: &mut Response, state: &PagesState, session: Option<&Session>) {
    if let Some(session) = session {
        give(response, state, Purpose::Session, &session.token);
    }
    forget(response, state, Purpose::Flow);
}

fn consented_page(state: &PagesState, consented: Consented, session: Option<&Session>) -> Response {
    let nextcloud = state.parts().urls.nextcloud_page("/");
    let content = ConsentedPage {
        layout: Layout::new(state, "Access allowed", session),
        uid: consented.principal.user().to_string(),
        name: consented.display_name,
        is_app_password: consented.credential == BackgroundCredential::AppPassword,
        ends_at: consented.ends_at.map(Moment),
        back: consented
            .back
            .map_or_else(|| nextcloud.clone(), |back| back.as_str().to_owned()),
        nextcloud,
        syncs: state.parts().sync_status.is_some(),
        revoke_token: session.map(|session| form_token(&session.token, Form::Revoke)),
    };
    page(StatusCode::OK, &content, FormTargets::Own)
}

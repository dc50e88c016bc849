//! `/oauth/authorize-nextcloud`: our own consent page, and the start of the flow.
//!
//! Nextcloud's `oidc` app grants silently by default (facts §3), so the decision is made here: following a link shows
//! a page, and only its form starts anything.

use super::refusals;
use crate::api::pages::{
    FormTargets, Layout, Moment, OwnForm, PagesState, Problem, Purpose, Visitor, give, page,
};
use crate::auth::browser::{BrowserToken, Form, form_token};
use crate::auth::consent::{ConsentTerms, ReturnTo};
use crate::auth::oidc::create_client_command;
use crate::config::BackgroundCredential;
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

/// Characters of a caller's `state` that are carried along.
const MAX_CALLER_STATE: usize = 1000;

/// What a link to the page may say; its form says the same again.
#[derive(Debug, Default, Deserialize)]
pub(in crate::api) struct Request {
    /// The caller's own `state`, handed back untouched.
    state: Option<String>,
    /// Secret of a link that is bound to a principal.
    link: Option<String>,
    /// The way back to Nextcloud.
    return_to: Option<String>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    layout: Layout,
    csrf: String,
    request: &'a Request,
    server: String,
    nextcloud: String,
    terms: &'a ConsentTerms,
    is_app_password: bool,
    syncs: bool,
    client_ends_at: Option<Moment>,
    create_client: String,
    cancel_url: String,
}

/// Shows what is asked for.
pub(in crate::api) async fn show_consent(
    State(state): State<PagesState>,
    visitor: Visitor,
    query: Result<Query<Request>, QueryRejection>,
) -> Response {
    match consent_page(&state, &visitor, query.unwrap_or_default().0).await {
        Ok(response) => response,
        Err(problem) => problem.response(&state, visitor.session.as_ref()),
    }
}

async fn consent_page(state: &PagesState, visitor: &Visitor, request: Request) -> Result<Response, Problem> {
    let urls = &state.parts().urls;
    let return_to = request.return_to(state)?;
    let terms = state
        .parts()
        .consents
        .terms(request.link.as_deref())
        .await
        .map_err(|error| refusals::no_start(&error, state))?;
    let cookie = visitor
        .flow
        .clone()
        .unwrap_or_else(|| BrowserToken::random(&*state.parts().entropy));
    let nextcloud_url = urls.nextcloud_page("/");
    let content = ConsentPage {
        layout: Layout::new(state, "Allow background access?", visitor.session.as_ref()),
        csrf: form_token(&cookie, Form::Consent),
        server: host_of(&urls.server("")),
        nextcloud: host_of(&nextcloud_url),
        cancel_url: return_to.map_or(nextcloud_url, |to| to.as_str().to_owned()),
        is_app_password: terms.credential == BackgroundCredential::AppPassword,
        syncs: state.parts().sync_status.is_some(),
        client_ends_at: terms.client_expires_at.map(Moment),
        create_client: create_client_command(urls),
        terms: &terms,
        request: &request,
    };
    let mut response = page(
        StatusCode::OK,
        &content,
        FormTargets::Provider(&terms.provider_origin),
    );
    give(&mut response, state, Purpose::Flow, &cookie);
    Ok(response)
}

/// Starts the flow: the person has seen the page and said yes.
pub(in crate::api) async fn start_consent(
    State(state): State<PagesState>,
    visitor: Visitor,
    form: OwnForm<Request>,
) -> Response {
    match start(&state, &visitor, form).await {
        Ok(response) => response,
        Err(problem) => problem.response(&state, visitor.session.as_ref()),
    }
}

async fn start(state: &PagesState, visitor: &Visitor, form: OwnForm<Request>) -> Result<Response, Problem> {
    let request = form.of(Form::Consent, visitor.flow.as_ref())?;
    let return_to = request.return_to(state)?;
    // The form's token was made with the cookie, so there is one.
    let Some(cookie) = &visitor.flow else {
        return Err(refusals::unknown_flow(state));
    };
    let started = state
        .parts()
        .consents
        .start_consent(
            request.link.as_deref(),
            return_to.as_ref(),
            request.state.as_deref(),
            cookie,
            visitor.address(),
        )
        .await
        .map_err(|error| refusals::no_start(&error, state))?;
    let mut response = Redirect::to(started.authorization_url.as_str()).into_response();
    // Its hour begins anew, so that it lasts as long as the flow.
    give(&mut response, state, Purpose::Flow, cookie);
    Ok(response)
}

impl Request {
    /// The way back, when it is one (case O06).
    fn return_to(&self, state: &PagesState) -> Result<Option<ReturnTo>, Problem> {
        if self
            .state
            .as_ref()
            .is_some_and(|text| text.len() > MAX_CALLER_STATE)
        {
            return Err(refusals::bad_link());
        }
        let to = self.return_to.as_deref().filter(|to| !to.is_empty());
        to.map(|to| ReturnTo::parse(to, &state.parts().urls))
            .transpose()
            .map_err(|_| refusals::bad_link())
    }
}

/// Host and port, as people read an address.
fn host_of(url: &str) -> String {
    url.split_once("://")
        .map_or(url, |(_, rest)| rest)
        .trim_end_matches('/')
        .to_owned()
}

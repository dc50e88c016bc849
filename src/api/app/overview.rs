//! `GET /app`: what a user granted, what is done with it, and what was recorded about it.

use super::webhooks::{WebhookSection, section};
use super::words;
use crate::api::pages::{FormTargets, Layout, Moment, PagesState, Problem, Session, Visitor, page};
use crate::audit::AuditEvent;
use crate::auth::access::AccessStatus;
use crate::auth::browser::{Form, form_token};
use crate::sync::{DeadLetter, SyncStatus};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use serde::Deserialize;

/// Documents given up that are shown; there may be more.
const DEAD_LETTERS: i64 = 50;
/// Lines of the audit trail that are shown.
const AUDIT_LINES: i64 = 50;

/// The query of the route.
#[derive(Debug, Default, Deserialize)]
pub(in crate::api) struct Shown {
    /// What was just done.
    done: Option<String>,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    layout: Layout,
    /// What was just done, in a sentence.
    done: Option<&'static str>,
    nextcloud: String,
    access: Access,
    revoke_token: String,
    webhooks: Option<WebhookSection>,
    sync: Option<Sync>,
    dead_letters: Vec<DeadLine>,
    events: Vec<EventLine>,
}

/// The credential in plain words.
struct Access {
    words: words::StateWords,
    reason: Option<String>,
    since: Option<Moment>,
    kind: Option<&'static str>,
    provisioned_at: Option<Moment>,
    updated_at: Option<Moment>,
    expires_at: Option<Moment>,
    scopes: Option<String>,
    /// Something stands that can be taken back.
    can_revoke: bool,
    /// Consenting is what helps.
    should_consent: bool,
}

/// Progress of the user's documents.
struct Sync {
    is_busy: bool,
    searchable: i64,
    waiting: i64,
    understood: i64,
    not_understood_yet: i64,
    skipped: i64,
    last_scan: Option<Moment>,
    /// Sources that could not be read lately; empty: none.
    unread: String,
}

struct DeadLine {
    path: String,
    reason: String,
    since: Moment,
}

struct EventLine {
    at: Moment,
    what: &'static str,
    detail: String,
    from: String,
}

/// Shows it to whoever is logged in; sends others to the login.
pub(in crate::api) async fn overview(
    State(state): State<PagesState>,
    visitor: Visitor,
    query: Result<Query<Shown>, QueryRejection>,
) -> Response {
    let Some(session) = &visitor.session else {
        return Redirect::to(&format!("{}/oauth/login?next=/app", state.base())).into_response();
    };
    let done = query.unwrap_or_default().0.done;
    match load(&state, session, done.as_deref()).await {
        Ok(content) => page(StatusCode::OK, &content, FormTargets::Own),
        Err(problem) => problem.response(&state, Some(session)),
    }
}

async fn load(state: &PagesState, session: &Session, done: Option<&str>) -> Result<OverviewPage, Problem> {
    let parts = state.parts();
    let user = session.principal.user();
    let status = parts
        .access
        .status(user)
        .await
        .map_err(|error| Problem::database(&error))?;
    let events = parts
        .audit_rows
        .own(user, AUDIT_LINES)
        .await
        .map_err(|error| Problem::database(&error))?;
    let (sync, dead_letters) = match &parts.sync_status {
        Some(cache) => {
            let failed = |error| Problem::database(&error);
            let status = cache.status(Some(user)).await.map_err(failed)?;
            let dead = cache.dead_letters(user, DEAD_LETTERS).await.map_err(failed)?;
            (Some(Sync::from(&*status)), dead)
        }
        None => (None, Vec::new()),
    };
    Ok(OverviewPage {
        layout: Layout::new(state, "Your access", Some(session)),
        done: done.and_then(|done| words::of_done(done, status.is_provisioned())),
        nextcloud: parts.urls.nextcloud_page("/"),
        access: Access::from(status),
        revoke_token: form_token(&session.token, Form::Revoke),
        webhooks: section(state, session).await,
        sync,
        dead_letters: dead_letters.into_iter().map(DeadLine::from).collect(),
        events: events.into_iter().map(EventLine::from).collect(),
    })
}

impl From<AccessStatus> for Access {
    fn from(status: AccessStatus) -> Self {
        Self {
            words: words::of_state(status.state),
            should_consent: !status.is_provisioned(),
            can_revoke: status.kind.is_some(),
            reason: status.reason,
            since: status.since.map(Moment),
            kind: status.kind.map(words::of_kind),
            provisioned_at: status.provisioned_at.map(Moment),
            updated_at: status.updated_at.map(Moment),
            expires_at: status.expires_at.map(Moment),
            scopes: status.scopes.map(|scopes| scopes.join(", ")),
        }
    }
}

impl From<&SyncStatus> for Sync {
    fn from(status: &SyncStatus) -> Self {
        Self {
            is_busy: status.status != "idle",
            searchable: status.indexed_documents,
            waiting: status.pending_documents,
            understood: status.dense.done,
            not_understood_yet: status.dense.waiting,
            skipped: status.skipped.iter().map(|(_, count)| count).sum(),
            last_scan: status.last_sync_time.map(Moment),
            unread: status
                .sources
                .iter()
                .filter(|source| matches!(source.state(), "failing" | "not_available"))
                .map(|source| source.source.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

impl From<DeadLetter> for DeadLine {
    fn from(letter: DeadLetter) -> Self {
        Self {
            path: letter.path,
            reason: letter.reason,
            since: Moment(letter.since),
        }
    }
}

impl From<AuditEvent> for EventLine {
    fn from(event: AuditEvent) -> Self {
        Self {
            at: Moment(event.at),
            what: words::of_action(event.action),
            detail: event.detail.unwrap_or_default(),
            from: event.origin.address.map_or_else(
                || if event.actor.is_none() { "this server" } else { "" }.to_owned(),
                |address| address.to_string(),
            ),
        }
    }
}

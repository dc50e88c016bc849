//! The page for what did not work: what happened, and what to do about it.

use super::{FormTargets, Layout, PagesState, Session, page};
use askama::Template;
use axum::response::Response;
use http::StatusCode;
use std::error::Error;

/// One thing to do, with the command for it.
#[derive(Debug)]
struct Step {
    text: String,
    command: Option<String>,
}

/// A link out of the dead end.
#[derive(Debug)]
struct Exit {
    label: &'static str,
    href: String,
}

/// What did not work.
#[derive(Debug)]
pub(in crate::api) struct Problem {
    status: StatusCode,
    title: &'static str,
    text: Vec<String>,
    steps: Vec<Step>,
    /// What the other side said, word for word.
    quote: Option<String>,
    exits: Vec<Exit>,
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    layout: Layout,
    problem: Problem,
}

impl Problem {
    /// A problem, in one or two sentences.
    pub(in crate::api) fn new(status: StatusCode, title: &'static str, text: impl Into<String>) -> Self {
        Self {
            status,
            title,
            text: vec![text.into()],
            steps: Vec::new(),
            quote: None,
            exits: Vec::new(),
        }
    }

    /// Adds a paragraph.
    #[must_use]
    pub(in crate::api) fn and(mut self, text: impl Into<String>) -> Self {
        self.text.push(text.into());
        self
    }

    /// Adds something to do.
    #[must_use]
    pub(in crate::api) fn step(mut self, text: impl Into<String>, command: Option<String>) -> Self {
        self.steps.push(Step {
            text: text.into(),
            command,
        });
        self
    }

    /// Adds what the other side said.
    #[must_use]
    pub(in crate::api) fn quote(mut self, text: impl Into<String>) -> Self {
        // A sentence, not a page.
        self.quote = Some(text.into().chars().take(300).collect());
        self
    }

    /// Adds a link.
    #[must_use]
    pub(in crate::api) fn exit(mut self, label: &'static str, href: impl Into<String>) -> Self {
        self.exits.push(Exit {
            label,
            href: href.into(),
        });
        self
    }

    /// A form of another site, or of a page that is too old (case O13).
    pub(super) fn foreign_form() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "This form is not valid",
            "It did not come from a page of this server, or the page was open for too long. Nothing was changed.",
        )
        .and("Open the page again and repeat what you wanted to do.")
    }

    /// A form whose session is over: it changed nothing.
    pub(in crate::api) fn not_logged_in(state: &PagesState) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "You are not logged in",
            "Nothing was changed. Log in and try again.",
        )
        .exit("Log in", format!("{}/oauth/login?next=/app", state.base()))
    }

    /// The database does not answer.
    pub(in crate::api) fn database(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "a page could not be made");
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "Not available at the moment",
            "This server cannot reach its database. Please try again in a few minutes.",
        )
    }

    /// The page.
    pub(in crate::api) fn response(self, state: &PagesState, session: Option<&Session>) -> Response {
        let content = ProblemPage {
            layout: Layout::new(state, self.title, session),
            problem: self,
        };
        page(content.problem.status, &content, FormTargets::Own)
    }
}

//! What the pages for people share: layout, headers, cookies, the guard of their forms.
//!
//! A further page needs a template that extends `templates/base.html` with a [`Layout`], a handler that takes a
//! [`Visitor`] and answers with [`page`], and a line in [`routes`]; a line in `base.html` puts it into the navigation.
//!
//! | file | concept |
//! |---|---|
//! | `state` | what the pages are made of |
//! | `visitor` | the browser that asks: its session, its cookie, its address |
//! | `cookies` | names and attributes of the cookies |
//! | `form_guard` | a form that did not come from here is refused |
//! | `page` | a page with its headers, and what every page shows around its content |
//! | `problem` | the page for what did not work |
//! | `moment` | times as people read them |
//! | `assets` | style sheet, icon and the script of the search's picture |

mod assets;
mod cookies;
mod form_guard;
mod moment;
mod page;
mod problem;
mod state;
mod visitor;

pub(super) use cookies::{Purpose, forget, give};
pub(super) use form_guard::OwnForm;
pub(super) use moment::{Moment, Span};
pub(super) use page::{FormTargets, Layout, Scripts, page, page_with};
pub(super) use problem::Problem;
pub use state::{PagesParts, PagesState};
pub(super) use visitor::{Session, Visitor};

use super::{app, oauth};
use axum::Router;
use axum::routing::{get, post};

/// The routes of the pages.
pub fn routes<S: Clone + Send + Sync + 'static>(state: PagesState) -> Router<S> {
    Router::new()
        .route(
            "/oauth/authorize-nextcloud",
            get(oauth::show_consent).post(oauth::start_consent),
        )
        .route("/oauth/callback", get(oauth::callback))
        // The redirect URI that earlier servers registered.
        .route("/oauth/callback-nextcloud", get(oauth::callback))
        .route("/oauth/login", get(oauth::login))
        .route("/oauth/logout", post(oauth::logout))
        .route("/app", get(app::overview))
        .route("/app/", get(app::overview))
        .route("/app/revoke", post(app::revoke))
        .route("/app/search", get(app::search))
        .route("/app/webhooks", post(app::switch))
        .route("/app/assets/map.js", get(assets::map))
        .with_state(state)
}

/// What every page loads, also those of a server where nobody can consent.
pub fn assets<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/app/assets/style.css", get(assets::style))
        .route("/app/assets/icon.svg", get(assets::icon))
}

#[cfg(test)]
mod tests;

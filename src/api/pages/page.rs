//! A page with its headers, and what every page shows around its content.

use super::{PagesState, Session};
use crate::api::ApiError;
use crate::auth::browser::{Form, form_token};
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderValue, StatusCode};

/// What every page shows around its content; `templates/base.html` reads it.
#[derive(Debug)]
pub(in crate::api) struct Layout {
    /// Title of the page.
    pub(in crate::api) title: String,
    /// Before every path of a page.
    pub(in crate::api) base: String,
    /// Who is logged in.
    pub(in crate::api) viewer: Option<Viewer>,
    /// In the addresses of the assets.
    pub(in crate::api) version: &'static str,
}

/// Who is logged in.
#[derive(Debug)]
pub(in crate::api) struct Viewer {
    /// The UID.
    pub(in crate::api) name: String,
    /// Hidden field of the form that logs out.
    pub(in crate::api) logout_token: String,
}

impl Layout {
    /// Around the page `title` for `session`.
    pub(in crate::api) fn new(
        state: &PagesState,
        title: impl Into<String>,
        session: Option<&Session>,
    ) -> Self {
        Self {
            title: title.into(),
            base: state.base().to_owned(),
            viewer: session.map(|session| Viewer {
                name: session.principal.user().to_string(),
                logout_token: form_token(&session.token, Form::Logout),
            }),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

/// Where the forms of a page may lead.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) enum FormTargets<'a> {
    /// Pages of this server.
    Own,
    /// These, and from there to the identity provider at this origin. Chromium holds every redirect after a form
    /// against the policy, and the provider may send the browser on to further ones, such as a company's login:
    /// so https is allowed as a whole.
    Provider(&'a str),
}

/// Which scripts a page may run.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) enum Scripts {
    /// None: most pages need none.
    None,
    /// Those that this server serves as files; never one that stands in the page.
    Own,
}

impl FormTargets<'_> {
    fn policy(self, scripts: Scripts) -> String {
        let scripts = match scripts {
            Scripts::None => "",
            Scripts::Own => " script-src 'self';",
        };
        let targets = match self {
            Self::Own => "'self'".to_owned(),
            Self::Provider(origin) => format!("'self' {origin} https:"),
        };
        format!(
            "default-src 'none'; style-src 'self'; img-src 'self';{scripts} form-action {targets}; \
             frame-ancestors 'none'; base-uri 'none'"
        )
    }
}

/// `content` as an answer that is not stored, not framed, and loads nothing from elsewhere (case O14).
pub(in crate::api) fn page(status: StatusCode, content: &impl Template, forms: FormTargets<'_>) -> Response {
    page_with(status, content, forms, Scripts::None)
}

/// As [`page`], with scripts.
pub(in crate::api) fn page_with(
    status: StatusCode,
    content: &impl Template,
    forms: FormTargets<'_>,
    scripts: Scripts,
) -> Response {
    let html = match content.render() {
        Ok(html) => html,
        Err(error) => return ApiError::internal(error).into_response(),
    };
    let Ok(policy) = HeaderValue::from_str(&forms.policy(scripts)) else {
        return ApiError::internal(PolicyError).into_response();
    };
    let headers = [
        (CONTENT_SECURITY_POLICY, policy),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Not `no-referrer`: with it browsers send `Origin: null` with our own forms, and the guard needs the origin.
        // Other sites learn nothing either way.
        (REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    ];
    (status, headers, Html(html)).into_response()
}

#[derive(Debug, thiserror::Error)]
#[error("the identity provider's origin is not fit for a header")]
struct PolicyError;

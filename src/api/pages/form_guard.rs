//! A form that did not come from a page of this server is refused (case O13).
//!
//! Two locks, because each has a gap: browsers that do not say where a form comes from pass the first, and the
//! second is as good as the secrecy of a cookie.

use super::{PagesState, Problem};
use crate::auth::browser::{BrowserToken, Form, is_form_token};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, header};
use serde::de::DeserializeOwned;

/// The first lock: the browser says that the request comes from a page of this origin, or says nothing.
#[derive(Debug)]
struct SameOrigin;

impl FromRequestParts<PagesState> for SameOrigin {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &PagesState) -> Result<Self, Self::Rejection> {
        if comes_from_elsewhere(&parts.headers, state.origin()) {
            return Err(Problem::foreign_form().response(state, None));
        }
        Ok(Self)
    }
}

/// By `Sec-Fetch-Site`, which no page can forge; else by `Origin`.
fn comes_from_elsewhere(headers: &HeaderMap, own_origin: &str) -> bool {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text(header::ORIGIN.as_str())) {
        (Some(site), _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => origin != own_origin,
        (None, None) => false,
    }
}

/// A form of a page of this server: came through the first lock, and is checked with the second by [`OwnForm::of`].
#[derive(Debug)]
pub(in crate::api) struct OwnForm<T> {
    fields: T,
    csrf: String,
}

#[derive(serde::Deserialize)]
struct Fields<T> {
    #[serde(default)]
    csrf: String,
    #[serde(flatten)]
    fields: T,
}

impl<T> OwnForm<T> {
    /// The fields, when the page with this form was shown to the browser that carries `secret`.
    pub(in crate::api) fn of(self, form: Form, secret: Option<&BrowserToken>) -> Result<T, Problem> {
        match secret {
            Some(secret) if is_form_token(secret, form, &self.csrf) => Ok(self.fields),
            _ => Err(Problem::foreign_form()),
        }
    }
}

impl<T: DeserializeOwned> FromRequest<PagesState> for OwnForm<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &PagesState) -> Result<Self, Self::Rejection> {
        let (mut parts, body) = request.into_parts();
        SameOrigin::from_request_parts(&mut parts, state).await?;
        let form = axum::Form::<Fields<T>>::from_request(Request::from_parts(parts, body), state).await;
        let axum::Form(Fields { csrf, fields }) =
            form.map_err(|_| Problem::foreign_form().response(state, None))?;
        Ok(Self { fields, csrf })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn refused(headers: &[(&'static str, &'static str)]) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect();
        comes_from_elsewhere(&headers, "https://mcp.example.org")
    }

    #[test]
    fn o13_forms_of_other_sites_are_told_by_their_headers() {
        assert!(!refused(&[("sec-fetch-site", "same-origin")]));
        assert!(!refused(&[("origin", "https://mcp.example.org")]));
        assert!(!refused(&[]));
        assert!(refused(&[("sec-fetch-site", "cross-site")]));
        assert!(refused(&[("sec-fetch-site", "same-site")]));
        assert!(refused(&[
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://mcp.example.org")
        ]));
        assert!(refused(&[("origin", "https://evil.test")]));
        assert!(refused(&[("origin", "http://mcp.example.org")]));
        assert!(refused(&[("origin", "https://mcp.example.org:8443")]));
        assert!(refused(&[("origin", "null")]));
    }
}

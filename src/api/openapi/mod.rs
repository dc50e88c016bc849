//! The description of the HTTP API in `OpenAPI` 3.1, made from the handlers and types themselves.
//!
//! | file | concept |
//! |---|---|
//! | `document` | the parts put together: titles, groups, ways to sign in |
//! | `refusals` | the error body, and which errors a way of signing in brings along |
//! | `shapes` | what a value may look like where a client may write it in several ways |
//! | `page/…` | the same for people, at `/api/docs` |
//!
//! Each handler carries its own part as `#[utoipa::path]`. A test compares the parts with the routes, another one the
//! whole with `docs/openapi.json`.

mod document;
mod page;
mod refusals;
mod shapes;

pub use document::openapi_json;
pub(super) use page::docs;
pub(super) use refusals::{
    ErrorBody, ToAppPasswords, ToBasic, ToBearer, ToDeliveries, ToDocuments, ToPreviews, ToSearches,
    ToWebhooks,
};
pub(super) use shapes::{
    UNIX_SECONDS, Written, any_text, any_value, code, days, flag, in_query, list_of, one_of, share,
    short_text, some_object, text, whole,
};

use super::ApiError;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;

/// The description of this interface.
#[utoipa::path(
    get,
    path = "/api/openapi.json",
    tag = document::STATUS,
    responses((status = 200, description = "This document", body = Object)),
)]
pub(super) async fn openapi() -> Response {
    match openapi_json() {
        Ok(text) => ([(CONTENT_TYPE, "application/json")], text).into_response(),
        Err(error) => ApiError::internal(error).into_response(),
    }
}

#[cfg(test)]
mod tests;

//! Bounds on what a request may hold.

use super::ApiError;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::StatusCode;

/// Bytes of a request body.
pub(super) const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of all header names and values together.
const MAX_HEADER_BYTES: usize = 32 * 1024;

/// Refuses requests whose headers are larger than any client needs.
pub(super) async fn bound_headers(request: Request, next: Next) -> Response {
    let size: usize = request
        .headers()
        .iter()
        .map(|(name, value)| name.as_str().len() + value.as_bytes().len())
        .sum();
    if size > MAX_HEADER_BYTES {
        return ApiError::of_status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
            .with_message("the headers are larger than 32 KiB")
            .into_response();
    }
    next.run(request).await
}

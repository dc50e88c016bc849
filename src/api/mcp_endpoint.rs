//! The layer before `/mcp`: nobody gets past it unverified.

use super::{ApiError, ApiState, ClientAddress};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::AUTHORIZATION;
use std::net::{IpAddr, Ipv4Addr};

/// Verifies the caller and puts the [`crate::auth::Caller`] into the request's extensions.
pub(super) async fn require_caller(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let client = request
        .extensions()
        .get::<ClientAddress>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.0);
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .map(http::HeaderValue::as_bytes);
    match state.parts().gate.admit(header, client).await {
        Ok(caller) => {
            // The password has done its work; nothing behind this layer can log or forward it.
            request.headers_mut().remove(AUTHORIZATION);
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(error) => ApiError::from(error).into_response(),
    }
}

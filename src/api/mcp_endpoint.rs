//! The layers before `/mcp`: nobody gets past them unverified, nor without the scope of what is asked for.

use super::{ApiError, ApiState, ClientAddress, RequestId, limits};
use crate::audit::AuditOrigin;
use crate::auth::Caller;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::Method;
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::net::{IpAddr, Ipv4Addr};

/// Verifies the caller and puts the [`Caller`] and its [`AuditOrigin`] into the request's extensions.
pub(super) async fn require_caller(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Response {
    let origin = origin(&request);
    let client = origin.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let header = request
        .headers()
        .get(AUTHORIZATION)
        .map(http::HeaderValue::as_bytes);
    match state.parts().gate.admit(header, client).await {
        Ok(caller) => {
            // The password or token has done its work; nothing behind this layer can log or forward it.
            request.headers_mut().remove(AUTHORIZATION);
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(origin);
            next.run(request).await
        }
        Err(error) => ApiError::from(error).into_response(),
    }
}

/// Answers 403 with a step-up challenge where the caller's token lacks the scope of what the body asks for. The MCP
/// server checks again; only here it can still be said as an HTTP status. `Mcp-Name` is not asked: the body is the truth.
pub(super) async fn require_scope(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let parts = state.parts();
    let caller = request.extensions().get::<Caller>().cloned();
    let (Some(challenge), Some(caller)) = (parts.gate.oauth_challenge(), caller) else {
        return next.run(request).await;
    };
    if caller.scopes().is_none() || request.method() != Method::POST {
        return next.run(request).await;
    }
    let (head, body) = match buffered(request).await {
        Ok(whole) => whole,
        Err(error) => return error.into_response(),
    };
    match parts.mcp.missing_scopes(&caller, &body) {
        Some(needed) => {
            let challenge = challenge.insufficient_scope(caller.step_up(&needed));
            ApiError::insufficient_scope(challenge, needed).into_response()
        }
        None => next.run(Request::from_parts(head, Body::from(body))).await,
    }
}

fn origin(request: &Request) -> AuditOrigin {
    let extensions = request.extensions();
    AuditOrigin {
        address: extensions.get::<ClientAddress>().map(|address| address.0),
        request_id: extensions.get::<RequestId>().map(|id| id.as_str().to_owned()),
    }
}

/// The request with its whole body, no longer than `/mcp` takes.
async fn buffered(mut request: Request) -> Result<(Parts, Bytes), ApiError> {
    DefaultBodyLimit::max(limits::MAX_BODY_BYTES).apply(&mut request);
    let (head, body) = request.into_parts();
    let whole = Request::from_parts(head.clone(), body);
    let body = Bytes::from_request(whole, &())
        .await
        .map_err(|rejection| ApiError::of_status(rejection.status()))?;
    Ok((head, body))
}

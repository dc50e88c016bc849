//! The outermost layer: request id, client address, span, metrics, one log line per 5xx, the uniform error body
//! and the headers that every answer carries.

use super::{ApiError, ApiState, ClientAddress, RequestId, request_id};
use crate::telemetry::record;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use tracing::Instrument;

/// Runs the request inside its span and finishes the answer.
pub(super) async fn observe(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let parts = state.parts();
    let id = RequestId::of(request.headers(), &*parts.entropy);
    let (mut head, body) = request.into_parts();
    let client = ClientAddress::of(&head, &parts.trusted_proxies);
    head.extensions.insert(client);
    head.extensions.insert(id.clone());
    let method = head.method.clone();
    // The template, never the path itself: paths hold user ids.
    let route = head.extensions.get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request", %method, route, request_id = id.as_str(), status = tracing::field::Empty
    );
    let started = std::time::Instant::now();
    let response = next
        .run(Request::from_parts(head, body))
        .instrument(span.clone())
        .await;
    let status = response.status();
    span.record("status", status.as_u16());
    record::http_request(route, method.as_str(), status.as_u16(), started.elapsed());
    if status.is_server_error() {
        let cause = response.extensions().get::<ApiError>().and_then(ApiError::cause);
        span.in_scope(|| tracing::error!(cause, "request failed with HTTP {}", status.as_u16()));
    }
    finish(response, &id)
}

fn finish(response: Response, id: &RequestId) -> Response {
    let (mut head, mut body) = response.into_parts();
    if head.status.is_client_error() || head.status.is_server_error() {
        let own = head.extensions.remove::<ApiError>();
        if own.is_some() || !has_own_body(&head.headers) {
            let error = own.unwrap_or_else(|| ApiError::of_status(head.status));
            body = Body::from(error.body(Some(id.as_str())));
            head.headers.remove(CONTENT_LENGTH);
            head.headers
                .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        head.headers.insert(request_id::HEADER, value);
    }
    head.headers
        .insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    head.headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    Response::from_parts(head, body)
}

/// JSON of a handler, or a page for people. Layers and transports write neither.
fn has_own_body(headers: &http::HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json") || value.starts_with("text/html"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SystemEntropy;
    use axum::response::{Html, IntoResponse};
    use http::{HeaderMap, StatusCode};

    async fn body_of(response: impl IntoResponse) -> String {
        let id = RequestId::of(&HeaderMap::new(), &SystemEntropy);
        let answer = finish(response.into_response(), &id);
        let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
            .await
            .unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn pages_for_people_stay_and_bare_errors_become_json() {
        let page = body_of((StatusCode::BAD_REQUEST, Html("<p>no</p>"))).await;
        assert_eq!(page, "<p>no</p>");
        let bare = body_of((StatusCode::BAD_REQUEST, "no")).await;
        assert!(bare.starts_with(r#"{"error":"Bad Request""#), "{bare}");
    }
}

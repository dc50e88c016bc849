//! What is answered while the server starts: it lives, it is not ready, and why.

use axum::routing::get;
use axum::{Json, Router};
use http::header::RETRY_AFTER;
use http::{HeaderName, StatusCode};
use serde_json::{Value, json};

/// Seconds after which asking again is worth it.
const AGAIN: &str = "2";

type Answer = (StatusCode, [(HeaderName, &'static str); 1], Json<Value>);

/// The routes before the database has answered for the first time.
pub fn starting_router() -> Router {
    Router::new()
        .route("/health/live", get(|| async { Json(json!({"status": "alive"})) }))
        .route("/health/ready", get(|| async { unavailable(&not_ready()) }))
        .fallback(|| async {
            unavailable(&json!({"error": "Starting", "message": "Waiting for the database."}))
        })
}

fn not_ready() -> Value {
    json!({"status": "not_ready", "checks": {"database": {"status": "failed", "gating": true}}})
}

fn unavailable(body: &Value) -> Answer {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(RETRY_AFTER, AGAIN)],
        Json(body.clone()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    #[tokio::test]
    async fn it_lives_and_is_not_ready() {
        for (path, status) in [("/health/live", 200), ("/health/ready", 503), ("/mcp", 503)] {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let answer = starting_router().oneshot(request).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path}");
        }
    }
}

use super::*;
use crate::clock::SystemClock;
use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use url::Url;

const QUICK: Retries = Retries {
    timeout: Duration::from_millis(500),
    attempts: 3,
    first_wait: Duration::from_millis(1),
    longest_wait: Duration::from_secs(2),
};

/// A service with `router`, and a client for it.
async fn service(router: Router, key: Option<&str>) -> ModelApi {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = Url::parse(&format!("http://{}/base/", listener.local_addr().unwrap())).unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let key = key.map(SecretString::from);
    ModelApi::new(&base, key.as_ref(), Arc::new(SystemClock)).unwrap()
}

/// A service that answers `answers` one after the other, the last again and again; also counts requests.
async fn answering(answers: Vec<Response>) -> (ModelApi, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let answers = Arc::new(std::sync::Mutex::new(answers));
    let router = Router::new().route(
        "/base/x",
        post(move || {
            counted.fetch_add(1, Ordering::SeqCst);
            let mut answers = answers.lock().unwrap();
            let answer = if answers.len() > 1 {
                answers.remove(0)
            } else {
                std::mem::replace(&mut answers[0], StatusCode::GONE.into_response())
            };
            async move { answer }
        }),
    );
    (service(router, None).await, count)
}

async fn ask(api: &ModelApi) -> Result<Value, ModelApiError> {
    api.post("/x", &json!({"input": "a secret passage"}), QUICK).await
}

#[tokio::test]
async fn overload_is_met_with_patience_as_long_as_it_makes_sense() {
    let busy = || (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response();
    let down = || StatusCode::SERVICE_UNAVAILABLE.into_response();
    let good = || axum::Json(json!({"ok": 1})).into_response();
    let (api, count) = answering(vec![busy(), down(), good()]).await;
    assert_eq!(ask(&api).await.unwrap(), json!({"ok": 1}));
    assert_eq!(count.load(Ordering::SeqCst), 3);

    let (api, count) = answering(vec![down(), down(), down(), good()]).await;
    assert_eq!(ask(&api).await, Err(ModelApiError::Overloaded(503)));
    assert_eq!(count.load(Ordering::SeqCst), 3);

    // Nobody waits a minute here; the caller may come back.
    let later = (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "60")]).into_response();
    let (api, count) = answering(vec![later, good()]).await;
    assert_eq!(ask(&api).await, Err(ModelApiError::Overloaded(429)));
    assert_eq!(count.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn refusals_are_not_repeated_and_repeat_nothing() {
    let echo =
        json!({"error": {"message": "a secret passage, key sk-123", "code": "context_length_exceeded"}});
    let answer = (StatusCode::BAD_REQUEST, axum::Json(echo)).into_response();
    let (api, count) = answering(vec![answer]).await;
    let error = ask(&api).await.unwrap_err();
    assert_eq!(error.to_string(), "HTTP 400 (context_length_exceeded)");
    assert_eq!(count.load(Ordering::SeqCst), 1);

    let sentence = json!({"error": {"message": "m", "code": "A secret passage!"}});
    let answer = (StatusCode::BAD_REQUEST, axum::Json(sentence)).into_response();
    let (api, _) = answering(vec![answer]).await;
    assert_eq!(ask(&api).await.unwrap_err().to_string(), "HTTP 400");

    let (api, _) = answering(vec![StatusCode::UNAUTHORIZED.into_response()]).await;
    assert_eq!(ask(&api).await, Err(ModelApiError::KeyRefused(401)));
    let (api, _) = answering(vec!["a secret passage".into_response()]).await;
    let error = ask(&api).await.unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn the_key_is_sent_and_not_shown_and_redirects_are_not_followed() {
    let router =
        Router::new()
            .route(
                "/base/key",
                get(|headers: HeaderMap| async move {
                    axum::Json(json!(headers["authorization"].to_str().unwrap()))
                }),
            )
            .route(
                "/base/away",
                get(|| async { (StatusCode::TEMPORARY_REDIRECT, [("location", "/base/key")]) }),
            );
    let api = service(router, Some("hidden-key")).await;
    let echoed: String = api.get("/key", QUICK).await.unwrap();
    assert_eq!(echoed, "Bearer hidden-key");
    assert!(!format!("{api:?}").contains("hidden"));
    let away: Result<Value, _> = api.get("/away", QUICK).await;
    assert_eq!(away, Err(ModelApiError::Refused("HTTP 307".to_owned())));
}

#[tokio::test]
async fn a_silent_or_absent_service_is_given_up() {
    let router = Router::new().route(
        "/base/x",
        post(|| async {
            std::future::pending::<()>().await;
        }),
    );
    let api = service(router, None).await;
    let silent = Retries {
        timeout: Duration::from_millis(50),
        ..QUICK
    };
    let answer: Result<Value, _> = api.post("/x", &json!({}), silent).await;
    assert_eq!(answer, Err(ModelApiError::Timeout));
    let nowhere = Url::parse("http://127.0.0.1:9").unwrap();
    let api = ModelApi::new(&nowhere, None, Arc::new(SystemClock)).unwrap();
    assert!(matches!(ask(&api).await, Err(ModelApiError::Unreachable(_))));
}

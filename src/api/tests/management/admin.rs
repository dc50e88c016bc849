//! Who is an administrator is asked at Nextcloud, with what the caller granted.

use super::*;
use crate::auth::oidc::testing::serve;
use crate::nextcloud::Nextcloud;
use axum::routing::get;

/// A Nextcloud that says who its user is, and keeps every header that it was sent.
#[derive(Default)]
struct Recording {
    groups: Mutex<Vec<String>>,
    sent: Mutex<Vec<http::HeaderMap>>,
}

async fn recorded(recording: &Arc<Recording>) -> String {
    let recording = Arc::clone(recording);
    let user = move |headers: http::HeaderMap| async move {
        recording.sent.lock().unwrap().push(headers);
        let groups = recording.groups.lock().unwrap().clone();
        axum::Json(json!({"ocs": {
            "meta": {"status": "ok", "statuscode": 200},
            "data": {"id": "alice", "displayname": "Alice", "groups": groups},
        }}))
    };
    serve(Router::new().route("/ocs/v2.php/cloud/user", get(user))).await
}

/// Alice's background credential at that Nextcloud.
struct Stored(Nextcloud);

#[async_trait]
impl CredentialProvider for Stored {
    async fn session_for(&self, user: &UserId) -> Result<UserSession, CredentialError> {
        match user.as_str() {
            "alice" => Ok(self
                .0
                .session(user.clone(), crate::auth::testing::basic("alice", APP_PASSWORD))),
            _ => Err(CredentialError::NotProvisioned),
        }
    }

    async fn rejected(&self, _user: &UserId) -> Result<Rejection, CredentialError> {
        Ok(Rejection::Dropped)
    }
}

#[tokio::test]
async fn o15_an_administrator_is_asked_for_with_the_stored_credential_and_the_token_goes_nowhere() {
    let recording = Arc::new(Recording::default());
    let base = recorded(&recording).await;
    let config = crate::auth::oidc::testing::config(&base, &[]);
    let tokens = Arc::new(Tokens::default());
    tokens.add("of-alice", "alice");
    tokens.add("of-bob", "bob");
    let clock = manual_clock();
    let state = ManagementState::new(ManagementParts {
        verifier: tokens,
        access: Arc::new(Grants::default()),
        app_passwords: None,
        credentials: Arc::new(Stored(Nextcloud::new(&config.nextcloud, clock.clone()).unwrap())),
        webhooks: None,
        consent_page: Some(CONSENT_PAGE.into()),
        audit: Arc::new(Trail::default()),
        clock,
    });
    let admin = |user: AdminUser| async move { user.0.principal().user().to_string() };
    let router = Router::new()
        .route("/admin", get(admin))
        .merge(crate::api::management::routes(state.clone()))
        .with_state(state);
    let ask = async |token: &str, path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await;
        response.unwrap()
    };
    let status = async |token: &str, path: &str| ask(token, path).await.status();
    assert_eq!(status("of-alice", "/admin").await, StatusCode::FORBIDDEN);
    *recording.groups.lock().unwrap() = vec!["staff".into(), "admin".into()];
    assert_eq!(
        status("of-alice", "/admin").await,
        StatusCode::OK,
        "asked anew each time"
    );
    let refused = ask("of-bob", "/admin").await;
    assert_eq!(refused.status(), StatusCode::PRECONDITION_REQUIRED);
    let body = axum::body::to_bytes(refused.into_body(), usize::MAX)
        .await
        .unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    let told: Value = serde_json::from_str(&body).unwrap();
    let shown: String = told["message"].as_str().unwrap().chars().take(100).collect();
    assert!(shown.contains(CONSENT_PAGE), "{shown}");
    // Astrolabe's HTTP client cuts the whole body after 120 characters.
    let shown: String = body.chars().take(120).collect();
    assert!(shown.contains(CONSENT_PAGE), "{shown}");
    assert_eq!(status("forged", "/admin").await, StatusCode::UNAUTHORIZED);
    for path in [SESSION, ACCESS] {
        assert_eq!(status("of-alice", path).await, StatusCode::OK);
    }
    let sent = recording.sent.lock().unwrap();
    assert_eq!(sent.len(), 2);
    for headers in sent.iter() {
        assert!(headers["authorization"].to_str().unwrap().starts_with("Basic "));
        assert!(!format!("{headers:?}").contains("of-alice"));
    }
}

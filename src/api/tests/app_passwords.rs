//! `/api/v1/users/{id}/app-password`.

use super::*;

const ALICE: &str = "/api/v1/users/alice/app-password";

#[tokio::test]
async fn an_app_password_is_stored_shown_and_removed() {
    let server = Server::hybrid();
    let alice = basic_header("alice", APP_PASSWORD);
    let shown = server.call("GET", ALICE, Some(&alice), "").await;
    assert_eq!(
        shown.body,
        json!({"success": true, "user_id": "alice", "has_app_password": false})
    );
    let stored = server.call("POST", ALICE, Some(&alice), "").await;
    assert_eq!(stored.status, StatusCode::OK);
    assert_eq!(
        stored.body,
        json!({"success": true, "message": "App password stored for alice", "scopes": null})
    );
    assert_eq!(
        server.store.0.lock().unwrap()[&UserId::new("alice")]
            .password
            .expose_secret(),
        APP_PASSWORD
    );
    assert_eq!(
        server.call("GET", ALICE, Some(&alice), "").await.body["has_app_password"],
        true
    );
    let removed = server.call("DELETE", ALICE, Some(&alice), "").await;
    assert_eq!(
        (removed.status, &removed.body["success"]),
        (StatusCode::OK, &json!(true))
    );
    assert_eq!(
        server.call("DELETE", ALICE, Some(&alice), "").await.body["success"],
        true
    );
    assert_eq!(
        *server.wakeups.0.lock().unwrap(),
        ["+alice", "-alice", "-alice"],
        "a removal without a credential finishes what an earlier one may have left"
    );
    let events = server.trail.events();
    let actions: Vec<&str> = events.iter().map(|event| event.action.name()).collect();
    assert_eq!(actions, ["app_password_stored", "revocation"]);
    for event in events {
        assert!(event.origin.address.is_some() && event.origin.request_id.is_some());
    }
}

#[tokio::test]
async fn a_purge_that_was_cut_short_is_finished_when_asked_again() {
    let server = Server::hybrid();
    let alice = basic_header("alice", APP_PASSWORD);
    server.call("POST", ALICE, Some(&alice), "").await;
    server.wakeups.1.store(true, Ordering::Relaxed);
    let failed = server.call("DELETE", ALICE, Some(&alice), "").await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!failed.body.to_string().contains("secret"), "{}", failed.body);
    assert!(server.store.0.lock().unwrap().is_empty(), "unusable at once");
    server.wakeups.1.store(false, Ordering::Relaxed);
    let removed = server.call("DELETE", ALICE, Some(&alice), "").await;
    assert_eq!(removed.status, StatusCode::OK);
    assert_eq!(*server.wakeups.0.lock().unwrap(), ["+alice", "-alice"]);
}

#[tokio::test]
async fn scopes_and_a_login_name_may_be_named() {
    let server = Server::hybrid();
    server
        .nextcloud
        .add("alice@example.org", "alice", "mail-login-password-123");
    let header = basic_header("alice", "mail-login-password-123");
    let body = r#"{"scopes": ["notes.read"], "username": "alice@example.org"}"#;
    let stored = server.call("POST", ALICE, Some(&header), body).await;
    assert_eq!(stored.body["scopes"], json!(["notes.read"]));
    let store = server.store.0.lock().unwrap();
    assert_eq!(
        store[&UserId::new("alice")].login_name.as_str(),
        "alice@example.org"
    );
}

#[tokio::test]
async fn b01_a_wrong_password_has_no_effect() {
    let server = Server::hybrid();
    let alice = basic_header("alice", APP_PASSWORD);
    server.call("POST", ALICE, Some(&alice), "").await;
    let wrong = basic_header("alice", "wrong-password-wrong-password");
    for method in ["POST", "GET", "DELETE"] {
        let answer = server.call(method, ALICE, Some(&wrong), "").await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (StatusCode::UNAUTHORIZED, &json!("Invalid app password"))
        );
        assert!(answer.body.get("has_app_password").is_none());
    }
    assert_eq!(
        server.store.0.lock().unwrap()[&UserId::new("alice")]
            .password
            .expose_secret(),
        APP_PASSWORD
    );
    assert_eq!(
        server.nextcloud.asked(),
        2,
        "one right and one wrong password reached Nextcloud"
    );
}

#[tokio::test]
async fn b02_other_users_and_unknown_users_look_alike() {
    let server = Server::hybrid();
    let alice = basic_header("alice", APP_PASSWORD);
    let mut bodies = Vec::new();
    for user in ["bob", "nobody"] {
        let mut answer = server
            .call(
                "GET",
                &format!("/api/v1/users/{user}/app-password"),
                Some(&alice),
                "",
            )
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        answer.body["request_id"] = json!(null);
        bodies.push(answer.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(server.nextcloud.asked(), 0);
}

#[tokio::test]
async fn a_login_name_cannot_reach_another_users_credential() {
    let server = Server::hybrid();
    // Alice's path and Basic name, but Bob's login name and password.
    let header = basic_header("alice", "another-bob-password-1234");
    let answer = server
        .call("POST", ALICE, Some(&header), r#"{"username": "bob"}"#)
        .await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (
            StatusCode::FORBIDDEN,
            &json!("Username does not match path user_id")
        )
    );
    assert!(server.store.0.lock().unwrap().is_empty());
}

#[tokio::test]
async fn b03_malformed_headers_and_bodies_are_4xx() {
    let server = Server::hybrid();
    let missing = server.call("POST", ALICE, None, "").await;
    assert_eq!(
        (missing.status, &missing.body["error"]),
        (StatusCode::UNAUTHORIZED, &json!("Missing BasicAuth credentials"))
    );
    assert!(missing.header("www-authenticate").starts_with("Basic realm="));
    assert_eq!(
        server.call("POST", ALICE, Some("Basic ???"), "").await.status,
        StatusCode::BAD_REQUEST
    );
    let huge = format!("Basic {}", "A".repeat(10_000));
    assert_eq!(
        server.call("POST", ALICE, Some(&huge), "").await.status,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );
    let alice = basic_header("alice", APP_PASSWORD);
    for body in [
        "{",
        "[1]",
        r#"{"user_id": "bob"}"#,
        r#"{"scopes": "all"}"#,
        r#"{"username": "a:b"}"#,
    ] {
        let answer = server.call("POST", ALICE, Some(&alice), body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let account_password = basic_header("alice", "alice-pass-1");
    let answer = server.call("POST", ALICE, Some(&account_password), "").await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (StatusCode::BAD_REQUEST, &json!("Invalid app password format"))
    );
    assert_eq!(server.nextcloud.asked(), 0, "none of these reached Nextcloud");
}

#[tokio::test]
async fn storing_is_limited_to_five_an_hour() {
    let server = Server::hybrid();
    let alice = basic_header("alice", APP_PASSWORD);
    for _ in 0..5 {
        assert_eq!(
            server.call("POST", ALICE, Some(&alice), "").await.status,
            StatusCode::OK
        );
    }
    let limited = server.call("POST", ALICE, Some(&alice), "").await;
    assert_eq!(
        (limited.status, limited.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "3600")
    );
    server.clock.advance(Duration::from_hours(1));
    assert_eq!(
        server.call("POST", ALICE, Some(&alice), "").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn attempts_of_a_stranger_do_not_lock_a_user_out() {
    let server = Server::hybrid();
    let alice = basic_header("alice", APP_PASSWORD);
    let wrong = basic_header("alice", "wrong-password-wrong-password");
    let stranger = "198.51.100.9:1000";
    for _ in 0..5 {
        let refused = server.call_from(stranger, "POST", ALICE, Some(&wrong), "").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    }
    let limited = server.call_from(stranger, "POST", ALICE, Some(&wrong), "").await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        server.call("POST", ALICE, Some(&alice), "").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn an_outage_of_nextcloud_is_502_and_stores_nothing() {
    let server = Server::hybrid();
    server.nextcloud.down.store(true, Ordering::Relaxed);
    let answer = server
        .call("POST", ALICE, Some(&basic_header("alice", APP_PASSWORD)), "")
        .await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (StatusCode::BAD_GATEWAY, &json!("Failed to validate credentials"))
    );
    assert!(server.store.0.lock().unwrap().is_empty());
}

//! What a user granted, shown and narrowed, with a password or a token.

use super::*;

#[tokio::test]
async fn access_and_scopes_take_a_proved_password_as_well_as_a_token() {
    let server = server();
    server.access.grant("alice");
    let basic = basic_header("alice", APP_PASSWORD);
    for header in [ALICE, Some(basic.as_str())] {
        let shown = server.call("GET", ACCESS, header, "").await;
        assert_eq!(
            shown.body,
            json!({
                "success": true, "user_id": "alice", "provisioned": true,
                "scopes": ["openid", "offline_access"], "username": null, "state": "active",
                "kind": "refresh_token", "created_at": "2026-02-02T02:40:00Z",
            })
        );
    }
    let body = r#"{"scopes": ["notes:read", "notes.read", "files.read"]}"#;
    let set = server.call("PATCH", SCOPES, Some(&basic), body).await;
    assert_eq!(
        set.body,
        json!({
            "success": true, "user_id": "alice", "scopes": ["files.read", "notes.read"],
            "message": "Scopes updated for alice",
        })
    );
    let emptied = server.call("PATCH", SCOPES, ALICE, r#"{"scopes": []}"#).await;
    assert_eq!(emptied.body["scopes"], json!([]));
    let shown = server.call("GET", ACCESS, ALICE, "").await;
    assert_eq!(
        shown.body["scopes"],
        json!([]),
        "nothing is allowed, which is not `null`"
    );
}

#[tokio::test]
async fn b01_a_wrong_password_shows_and_changes_nothing_and_is_counted() {
    let server = server();
    server.access.grant("alice");
    let wrong = basic_header("alice", "wrong-password-wrong-password");
    let body = r#"{"scopes": []}"#;
    for (method, path, body) in [("GET", ACCESS, ""), ("PATCH", SCOPES, body)] {
        let answer = server.call(method, path, Some(&wrong), body).await;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (StatusCode::UNAUTHORIZED, &json!("Invalid app password"))
        );
    }
    assert_eq!(server.nextcloud.asked(), 1, "a refusal is remembered");
    for _ in 0..3 {
        server.call("GET", ACCESS, Some(&wrong), "").await;
    }
    let limited = server.call("GET", ACCESS, Some(&wrong), "").await;
    assert_eq!(limited.status, StatusCode::TOO_MANY_REQUESTS);
    let elsewhere = basic_header("alice", APP_PASSWORD);
    let answer = server
        .call_from("198.51.100.9:1", "GET", ACCESS, Some(&elsewhere), "")
        .await;
    assert_eq!(
        answer.status,
        StatusCode::OK,
        "nobody is locked out from elsewhere"
    );
    let scopes = server.access.granted.lock().unwrap()[&UserId::new("alice")]
        .scopes
        .clone();
    assert_eq!(scopes.unwrap().len(), 2);
}

#[tokio::test]
async fn wrong_passwords_are_counted_once_for_all_credential_routes() {
    let server = server();
    let wrong = basic_header("alice", "wrong-password-wrong-password");
    let stored = "/api/v1/users/alice/app-password";
    for path in [ACCESS, stored, ACCESS, stored, ACCESS] {
        let answer = server.call("GET", path, Some(&wrong), "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
    }
    for path in [ACCESS, stored] {
        let answer = server.call("GET", path, Some(&wrong), "").await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
    }
}

#[tokio::test]
async fn b02_a_password_of_another_user_is_403_unasked() {
    let server = server();
    let alice = basic_header("alice", APP_PASSWORD);
    let mut bodies = Vec::new();
    for other in ["bob", "nobody"] {
        let mut answer = server
            .call("GET", &ACCESS.replace("alice", other), Some(&alice), "")
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        answer.body["request_id"] = json!(null);
        bodies.push(answer.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_eq!(server.nextcloud.asked(), 0);
}

#[tokio::test]
async fn scopes_must_be_known_ones_and_something_must_stand() {
    let server = server();
    let nothing = server.call("PATCH", SCOPES, ALICE, r#"{"scopes": []}"#).await;
    assert_eq!(
        (nothing.status, &nothing.body["error"]),
        (StatusCode::NOT_FOUND, &json!("Not provisioned"))
    );
    server.access.grant("alice");
    let body = r#"{"scopes": ["notes.read", "admin", "mail.send"]}"#;
    let unknown = server.call("PATCH", SCOPES, ALICE, body).await;
    assert_eq!(
        (unknown.status, &unknown.body["error"]),
        (
            StatusCode::BAD_REQUEST,
            &json!("Invalid scopes: admin, mail.send")
        )
    );
    let listed = server.call("GET", "/api/v1/scopes", None, "").await;
    assert_eq!(listed.body["success"], true);
    assert_eq!(unknown.body["valid_scopes"], listed.body["scopes"]);
    let names: Vec<&str> = listed.body["scopes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert!(names.is_sorted() && names.contains(&"semantic.read"), "{names:?}");
    for malformed in [
        "",
        "[]",
        "{}",
        r#"{"scopes": "all"}"#,
        r#"{"scopes": [], "user_id": "bob"}"#,
    ] {
        let answer = server.call("PATCH", SCOPES, ALICE, malformed).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{malformed}");
    }
}

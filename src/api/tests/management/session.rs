//! What a user granted, as it is told to Astrolabe.

use super::*;

#[tokio::test]
async fn a_session_tells_what_was_granted_under_both_names() {
    let server = server();
    let before = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(
        (before.status, before.body),
        (
            StatusCode::OK,
            json!({
                "session_id": "alice", "background_access_granted": false,
                "background_access_state": "not_provisioned",
            })
        )
    );
    server.access.grant("alice");
    let after = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(
        after.body,
        json!({
            "session_id": "alice", "background_access_granted": true, "background_access_state": "active",
            "background_access_details": {
                "granted_at": "2026-02-02T02:40:00Z", "provisioned_at": "2026-02-02T02:40:00Z",
                "scopes": ["offline_access", "openid"], "kind": "refresh_token", "expires_at": null,
            },
        })
    );
}

#[tokio::test]
async fn a_session_tells_no_restriction_from_nothing_allowed() {
    let server = server();
    server.access.grant("alice");
    for (scopes, told) in [(None, json!(null)), (Some(Vec::new()), json!([]))] {
        let alice = UserId::new("alice");
        server
            .access
            .granted
            .lock()
            .unwrap()
            .get_mut(&alice)
            .unwrap()
            .scopes = scopes;
        let answer = server.call("GET", SESSION, ALICE, "").await;
        assert_eq!(answer.body["background_access_details"]["scopes"], told);
    }
}

#[tokio::test]
async fn a_session_survives_what_is_away_behind_this_server() {
    let server = server();
    server.access.grant("alice");
    let known = server.call("GET", SESSION, ALICE, "").await.body;
    server.access.down.store(true, Ordering::SeqCst);
    server.tokens.down.store(true, Ordering::SeqCst);
    let told = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!((told.status, &told.body), (StatusCode::OK, &known));
    assert!(told.body.get("error").is_none());
    // A token that nobody has ever seen here stays unproved, and nothing is made up for a user without a session.
    let unknown = server.call("GET", SESSION, Some("Bearer never-seen"), "").await;
    assert_eq!(
        (unknown.status, unknown.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "7")
    );
    let bob = server
        .call("GET", "/api/v1/users/bob/session", Some("Bearer of-bob"), "")
        .await;
    assert_eq!(bob.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!bob.body.to_string().contains("secret"));
}

#[tokio::test]
async fn a_dead_grant_is_no_error_of_the_session() {
    let server = server();
    server.access.grant("alice");
    let mut status = server.access.granted.lock().unwrap()[&UserId::new("alice")].clone();
    status.state = CredentialState::ReauthRequired;
    status.reason = Some("consent again".into());
    server
        .access
        .granted
        .lock()
        .unwrap()
        .insert(UserId::new("alice"), status);
    let session = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(
        session.body,
        json!({
            "session_id": "alice", "background_access_granted": false,
            "background_access_state": "reauth_required", "background_access_reason": "consent again",
        })
    );
}

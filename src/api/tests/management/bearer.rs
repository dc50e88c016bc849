//! Access tokens: whose they are, and what they do not open; revocation.

use super::*;

#[tokio::test]
async fn b01_without_a_good_token_nothing_is_told_or_done() {
    let server = server();
    server.access.grant("alice");
    for (method, path, body) in ROUTES {
        for header in [
            None,
            Some("Bearer forged"),
            Some("bearer forged"),
            Some("Digest x"),
        ] {
            let answer = server.call(method, path, header, body).await;
            assert_eq!(
                answer.status,
                StatusCode::UNAUTHORIZED,
                "{method} {path} {header:?}"
            );
            assert!(!answer.header("www-authenticate").is_empty());
            assert!(answer.body.get("scopes").is_none());
        }
        let forged = server.call(method, path, Some("Bearer forged"), body).await;
        assert_eq!(
            forged.header("www-authenticate"),
            r#"Bearer realm="Nextcloud", error="invalid_token""#
        );
        assert_eq!(forged.body["error"], "Unauthorized");
        assert_eq!(forged.body.get("message").is_some(), path != SESSION, "{path}");
        for malformed in ["Bearer", "Bearer a b"] {
            let answer = server.call(method, path, Some(malformed), body).await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {malformed}");
        }
    }
    assert_eq!(server.access.granted.lock().unwrap().len(), 1);
    assert!(server.access.revoked_from.lock().unwrap().is_empty());
}

#[tokio::test]
async fn b02_another_users_path_is_one_403_whether_that_user_exists_or_not() {
    let server = server();
    server.access.grant("bob");
    for (method, path, body) in ROUTES {
        let mut bodies = Vec::new();
        for other in ["bob", "nobody", "ALICE", "alice%20", "alice%2F..%2Fbob"] {
            let path = path.replace("alice", other);
            let mut answer = server.call(method, &path, ALICE, body).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
            answer.body["request_id"] = json!(null);
            bodies.push(answer.body);
        }
        assert!(bodies.windows(2).all(|pair| pair[0] == pair[1]), "{bodies:?}");
    }
    assert_eq!(server.access.granted.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn j12_a_token_of_nobody_known_is_403() {
    let server = server();
    for (method, path, body) in ROUTES {
        let answer = server.call(method, path, Some("Bearer of-nobody"), body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
}

#[tokio::test]
async fn when_nobody_can_tell_the_answer_is_503_and_not_401() {
    let server = server();
    server.tokens.down.store(true, Ordering::SeqCst);
    for (method, path, body) in &ROUTES[1..] {
        let answer = server.call(method, path, ALICE, body).await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (StatusCode::SERVICE_UNAVAILABLE, "7"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn j09_a_revocation_is_done_at_once_told_from_where_and_may_be_repeated() {
    let server = server();
    server.access.grant("alice");
    for message in [
        "Background access revoked for alice",
        "No background access was granted by alice",
    ] {
        let answer = server.call("POST", REVOKE, ALICE, "").await;
        assert_eq!(
            (answer.status, answer.body),
            (StatusCode::OK, json!({"success": true, "message": message}))
        );
    }
    assert_eq!(*server.tokens.forgotten.lock().unwrap(), ["alice", "alice"]);
    let (user, origin) = server.access.revoked_from.lock().unwrap()[0].clone();
    assert_eq!(user, "alice");
    assert_eq!(origin.address.unwrap().to_string(), "192.0.2.1");
    assert!(origin.request_id.is_some());
    let session = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(session.body["background_access_granted"], false);
}

#[tokio::test]
async fn a_revocation_that_failed_says_so_and_leaves_no_remembered_session() {
    let server = server();
    server.access.grant("alice");
    server.call("GET", SESSION, ALICE, "").await;
    server.access.down.store(true, Ordering::SeqCst);
    let failed = server.call("POST", REVOKE, ALICE, "").await;
    assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!failed.body.to_string().contains("secret"), "{}", failed.body);
    assert_eq!(*server.tokens.forgotten.lock().unwrap(), ["alice"]);
    let session = server.call("GET", SESSION, ALICE, "").await;
    assert_eq!(session.status, StatusCode::SERVICE_UNAVAILABLE);
}

//! `/mcp` over HTTP: who gets in, and what malformed traffic is answered.

use super::*;

const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;

async fn post(server: &Server, authorization: Option<&str>, body: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder()
        .method("POST")
        .uri("/mcp")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "localhost:8000");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    server
        .send(request.body(Body::from(body.to_owned())).unwrap())
        .await
}

fn alice() -> String {
    basic_header("alice", APP_PASSWORD)
}

#[tokio::test]
async fn nothing_runs_without_a_checked_credential() {
    let server = Server::hybrid();
    let initialize = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    for body in [initialize, LIST] {
        let answer = post(&server, None, body, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(
            answer.header("www-authenticate"),
            r#"Basic realm="Nextcloud", charset="UTF-8""#
        );
    }
    let wrong = post(&server, Some(&basic_header("alice", "wrong")), LIST, &[]).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.nextcloud.asked(), 1);
    let initialized = post(&server, Some(&alice()), initialize, &[]).await;
    assert_eq!(initialized.status, StatusCode::OK);
    assert_eq!(initialized.body["result"]["serverInfo"]["name"], "Nextcloud MCP");
}

#[tokio::test]
async fn an_outage_is_503_and_throttling_is_429() {
    let server = Server::hybrid();
    server.nextcloud.down.store(true, Ordering::Relaxed);
    let answer = post(&server, Some(&alice()), LIST, &[]).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (StatusCode::SERVICE_UNAVAILABLE, "10")
    );
    server.nextcloud.down.store(false, Ordering::Relaxed);
    for guess in 0..3 {
        post(
            &server,
            Some(&basic_header("alice", &format!("guess-{guess}"))),
            LIST,
            &[],
        )
        .await;
    }
    let answer = post(&server, Some(&basic_header("alice", "guess-3")), LIST, &[]).await;
    assert_eq!(
        (answer.status, answer.header("retry-after")),
        (StatusCode::TOO_MANY_REQUESTS, "600")
    );
}

#[tokio::test]
async fn tools_are_listed_in_json_without_a_session() {
    let server = Server::hybrid();
    let answer = post(&server, Some(&alice()), LIST, &[]).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::OK, "application/json")
    );
    assert!(answer.headers.get("mcp-session-id").is_none());
    assert_eq!(answer.body["result"]["tools"].as_array().unwrap().len(), 18);
    let again = post(&server, Some(&alice()), LIST, &[]).await;
    assert_eq!(answer.body, again.body);
}

#[tokio::test]
async fn m01_foreign_hosts_and_origins_are_refused() {
    let server = Server::hybrid();
    for header in [
        ("host", "evil.com"),
        ("origin", "https://evil.com"),
        ("origin", "null"),
    ] {
        let answer = post(&server, Some(&alice()), LIST, &[header]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{header:?}");
        assert_eq!(answer.body["error"], "Forbidden");
    }
    for header in [
        ("host", "mcp.example.org"),
        ("origin", "https://mcp.example.org"),
        ("origin", "http://localhost:6274"),
    ] {
        assert_eq!(
            post(&server, Some(&alice()), LIST, &[header]).await.status,
            StatusCode::OK,
            "{header:?}"
        );
    }
}

#[tokio::test]
async fn m03_protocol_faults_are_400() {
    let server = Server::hybrid();
    let answer = post(
        &server,
        Some(&alice()),
        LIST,
        &[("mcp-protocol-version", "1999-01-01")],
    )
    .await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let batch = post(&server, Some(&alice()), &format!("[{LIST}]"), &[]).await;
    assert!(batch.status.is_client_error(), "{}", batch.status);
}

#[tokio::test]
async fn m04_unknown_names_and_wrong_arguments_are_invalid_params() {
    let server = Server::hybrid();
    for (name, arguments, expected) in [
        ("no_such_tool", json!({}), "unknown tool `no_such_tool`"),
        ("nc_notes_get_note", json!({"note_id": "x"}), "must be an integer"),
        ("nc_notes_get_note", json!({}), "missing argument `note_id`"),
        (
            "nc_notes_get_note",
            json!({"note_id": 1, "user_id": "bob"}),
            "unknown argument `user_id`",
        ),
        (
            "nc_webdav_search_files",
            json!({"limit": -1}),
            "must be between 1 and 1000",
        ),
        ("nc_webdav_read_file", json!({"path": "../../bob/x"}), "`..`"),
        ("nc_semantic_search", json!({"query": "x"}), "unknown tool"),
    ] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}});
        let answer = post(&server, Some(&alice()), &body.to_string(), &[]).await;
        assert_eq!(answer.body["error"]["code"], -32602, "{name}: {}", answer.body);
        let message = answer.body["error"]["message"].as_str().unwrap();
        assert!(message.contains(expected), "{name}: {message}");
    }
    let body =
        json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": "nc://Notes/abc"}});
    let answer = post(&server, Some(&alice()), &body.to_string(), &[]).await;
    assert!(
        answer.body["error"]["message"]
            .as_str()
            .unwrap()
            .contains("no such resource")
    );
}

#[tokio::test]
async fn m08_deep_and_large_bodies_are_refused() {
    let server = Server::hybrid();
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"x","arguments":{{"a":{}{}}}}}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let answer = post(&server, Some(&alice()), &deep, &[]).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    let large = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","x":"{}"}}"#,
        "x".repeat(4 * 1024 * 1024)
    );
    assert_eq!(
        post(&server, Some(&alice()), &large, &[]).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
}

#[tokio::test]
async fn b09_oauth_mode_challenges_with_bearer_only() {
    let server = Server::with_gate(|_| McpGate::bearer_only());
    for authorization in [None, Some(alice())] {
        let answer = post(&server, authorization.as_deref(), LIST, &[]).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="Nextcloud""#);
    }
    assert_eq!(server.nextcloud.asked(), 0);
}

#[tokio::test]
async fn b08_the_password_does_not_pass_the_verification_layer() {
    let server = Server::hybrid();
    let answer = post(&server, Some(&alice()), LIST, &[]).await;
    assert!(!answer.body.to_string().contains(APP_PASSWORD));
    assert!(
        answer
            .headers
            .values()
            .all(|value| !value.to_str().unwrap().contains(APP_PASSWORD))
    );
}

#[tokio::test]
async fn the_stateless_revision_works_without_initialize() {
    let server = Server::hybrid();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }}});
    let headers = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/list"),
    ];
    let answer = post(&server, Some(&alice()), &body.to_string(), &headers).await;
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (StatusCode::OK, "application/json"),
        "{}",
        answer.body
    );
    assert_eq!(answer.body["result"]["tools"].as_array().unwrap().len(), 18);
    let contradicting = [
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
    ];
    assert_eq!(
        post(&server, Some(&alice()), &body.to_string(), &contradicting)
            .await
            .status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn resources_are_listed() {
    let server = Server::hybrid();
    let list = |method: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}"}}"#);
    let answer = post(&server, Some(&alice()), &list("resources/list"), &[]).await;
    assert_eq!(answer.body["result"]["resources"][0]["uri"], "nc://capabilities");
    let answer = post(&server, Some(&alice()), &list("resources/templates/list"), &[]).await;
    assert_eq!(
        answer.body["result"]["resourceTemplates"][0]["uriTemplate"],
        "nc://Notes/{note_id}"
    );
}

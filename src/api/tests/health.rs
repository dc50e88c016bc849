//! Health, status, and what every answer carries.

use super::*;

#[tokio::test]
async fn live_touches_nothing() {
    let answer = Server::hybrid().call("GET", "/health/live", None, "").await;
    assert_eq!(
        (answer.status, &answer.body),
        (
            StatusCode::OK,
            &json!({"status": "alive", "mode": "multi_user_basic"})
        )
    );
}

#[tokio::test]
async fn ready_follows_the_gating_dependencies_only() {
    let server = Server::hybrid();
    assert_eq!(
        server.call("GET", "/health/ready", None, "").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    server.readiness.refresh().await;
    let ready = server.call("GET", "/health/ready", None, "").await;
    assert_eq!(
        (ready.status, &ready.body["status"]),
        (StatusCode::OK, &json!("ready"))
    );
    server.away.2.store(false, Ordering::Relaxed);
    server.readiness.refresh().await;
    let ready = server.call("GET", "/health/ready", None, "").await;
    assert_eq!(
        (ready.status, &ready.body["checks"]["nextcloud"]["status"]),
        (StatusCode::OK, &json!("failed"))
    );
    server.database.2.store(false, Ordering::Relaxed);
    server.readiness.refresh().await;
    let gone = server.call("GET", "/health/ready", None, "").await;
    assert_eq!(
        (gone.status, &gone.body["checks"]["database"]["status"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("failed"))
    );
    assert!(
        !gone.body.to_string().contains("secret"),
        "C04: reasons stay in the log"
    );
}

#[tokio::test]
async fn a_draining_server_is_not_ready_and_lives() {
    let server = Server::hybrid();
    server.readiness.refresh().await;
    server.readiness.start_draining();
    assert_eq!(
        server.call("GET", "/health/ready", None, "").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(
        server.call("GET", "/health/live", None, "").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn status_has_the_fields_of_the_contract() {
    let server = Server::hybrid();
    server.clock.advance(Duration::from_secs(7));
    let answer = server.call("GET", "/api/v1/status", None, "").await;
    assert_eq!(
        answer.body,
        json!({
            "version": "0.0.0", "auth_mode": "multi_user_basic", "vector_sync_enabled": false,
            "webhooks_enabled": false, "supported_search_types": [], "rerank_available": false,
            "management_api_version": "1.0", "supports_app_passwords": true, "uptime_seconds": 7,
        })
    );
    assert_eq!(server.nextcloud.asked(), 0);
}

#[tokio::test]
async fn sync_status_is_not_found_while_sync_is_off() {
    let answer = Server::hybrid()
        .call("GET", "/api/v1/vector-sync/status", None, "")
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body["error"], "Vector sync is disabled on this server");
}

#[tokio::test]
async fn errors_have_one_shape_and_answers_carry_the_request_id() {
    let server = Server::hybrid();
    let missing = server.call("GET", "/nowhere", None, "").await;
    assert_eq!(
        (missing.status, &missing.body["error"]),
        (StatusCode::NOT_FOUND, &json!("Not Found"))
    );
    let wrong_method = server.call("POST", "/health/live", None, "").await;
    assert_eq!(wrong_method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong_method.body["error"], "Method Not Allowed");
    let request = Request::builder()
        .uri("/nowhere")
        .header("x-request-id", "abc-1")
        .body(Body::empty())
        .unwrap();
    let answer = server.send(request).await;
    assert_eq!(
        (answer.header("x-request-id"), &answer.body["request_id"]),
        ("abc-1", &json!("abc-1"))
    );
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn large_headers_and_bodies_are_refused() {
    let server = Server::hybrid();
    let request = Request::builder()
        .uri("/health/live")
        .header("x-big", "x".repeat(64 * 1024));
    let answer = server.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let authorization = basic_header("alice", APP_PASSWORD);
    let path = "/api/v1/users/alice/app-password";
    let body = "x".repeat(4 * 1024 * 1024 + 1);
    let answer = server.call("POST", path, Some(&authorization), &body).await;
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (StatusCode::PAYLOAD_TOO_LARGE, &json!("Payload Too Large"))
    );
}

#[tokio::test]
async fn a_real_listener_serves_and_stops() {
    let server = Server::hybrid();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(serve(
        listener,
        server.router.clone(),
        stop.clone(),
        Duration::from_secs(5),
    ));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(
        &mut stream,
        b"GET /health/live HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await
    .unwrap();
    let mut text = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut text)
        .await
        .unwrap();
    assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    stop.cancel();
    running.await.unwrap().unwrap();
}

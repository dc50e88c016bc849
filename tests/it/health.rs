//! What operators and probes read.

use crate::harness::{ALICE, Setup};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn health_and_status_tell_the_state() {
    let world = Setup::hybrid().start().await;
    let live = world.http.get(world.url("/health/live")).send().await.unwrap();
    assert_eq!(live.status(), 200);
    assert!(live.headers().contains_key("x-request-id"));
    let ready: Value = world
        .http
        .get(world.url("/health/ready"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(ready["status"], "ready", "{ready}");
    let status: Value = world
        .http
        .get(world.url("/api/v1/status"))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(status["auth_mode"], "multi_user_basic");
    assert_eq!(status["supports_app_passwords"], true);
    assert_eq!(status["vector_sync_enabled"], true);
    assert_eq!(status["management_api_version"], "1.0");
}

/// C04: nothing public names a user.
#[tokio::test(flavor = "multi_thread")]
async fn public_pages_name_nobody() {
    let world = Setup::hybrid().start().await;
    world.sim.world().put_note("alice", "Anything", "", "text");
    world.provision(ALICE).await;
    world
        .until_status("indexed", |s| s["indexed_documents"] == 1)
        .await;
    for path in [
        "/health/live",
        "/health/ready",
        "/api/v1/status",
        "/api/v1/vector-sync/status",
    ] {
        let body = world
            .http
            .get(world.url(path))
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        for name in ["alice", "bob", "Anything"] {
            assert!(!body.contains(name), "{path}: {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_and_methods_are_json() {
    let world = Setup::hybrid().start().await;
    let missing = world.http.get(world.url("/api/v1/nothing")).send().await.unwrap();
    assert_eq!(missing.status(), 404);
    assert!(missing.json::<Value>().await.unwrap()["error"].is_string());
    let method = world
        .http
        .delete(world.url("/api/v1/status"))
        .send()
        .await
        .unwrap();
    assert_eq!(method.status(), 405);
}

//! This server registers itself (RFC 7591).

use crate::identity_provider::TOOL_SCOPES;
use crate::world::{Caller, Setup, World};
use serde_json::json;

#[tokio::test]
async fn a_server_without_a_client_registers_itself_once() {
    let (mut world, provider) = World::at_provider(Setup::oauth()).await;
    world.consent_ok("alice").await;
    assert_eq!(provider.counts().await.registrations, 1);

    // The registered client refreshes and introspects, also after a restart.
    world.restart().await;
    sqlx::query("update grants set access_expires_at = now() - interval '1 second'")
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    let tokens = provider.tokens("alice", &world.setup.url(), TOOL_SCOPES).await;
    let alice = Caller::Bearer(tokens.access_token);
    world
        .call_ok(&alice, "nc_webdav_list_directory", json!({"path": "/"}))
        .await;
    let counts = provider.counts().await;
    assert_eq!(
        (counts.registrations, counts.refreshes, counts.introspections),
        (1, 1, 1)
    );
}

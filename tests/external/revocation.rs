//! The end of a consent (RFC 7009).

use crate::harness::ALICE;
use crate::world::{Caller, Setup, World, until};
use nextcloud_mcp_server::crypto::{EnvelopeContext, Keyring};
use nextcloud_mcp_server::entropy::SystemEntropy;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::sync::Arc;

impl World {
    /// The stored refresh token of a user, opened with the server's key.
    pub async fn refresh_token(&self, uid: &str) -> String {
        let sealed: String = sqlx::query_scalar("select refresh_token from grants where uid = $1")
            .bind(uid)
            .fetch_one(&mut self.sql().await)
            .await
            .unwrap();
        let encryption = self.setup.config().encryption.unwrap();
        let context = EnvelopeContext {
            user: uid,
            table: "grants",
            column: "refresh_token",
        };
        let token = Keyring::new(&encryption, Arc::new(SystemEntropy)).open(context, &sealed);
        token.unwrap().expose_secret().to_owned()
    }

    /// Revocations that must be tried again.
    async fn failed_revocations(&self) -> i64 {
        let count = sqlx::query_scalar("select count(*) from pending_revocations where attempts > 0");
        count.fetch_one(&mut self.sql().await).await.unwrap()
    }
}

#[tokio::test]
async fn taking_the_consent_back_ends_the_refresh_token_at_the_provider() {
    let (world, provider) = World::at_provider(Setup::hybrid().with_client()).await;
    let alice = Caller::Basic {
        login: ALICE.uid,
        password: ALICE.password,
    };
    world.consent_ok("alice").await;
    let token = world.refresh_token("alice").await;
    assert_eq!(provider.introspect(&token).await["active"], true);

    world.call_ok(&alice, "revoke_nextcloud_access", json!({})).await;
    let status = world
        .call_ok(&alice, "check_provisioning_status", json!({}))
        .await;
    assert_eq!(status["is_provisioned"], false, "{status}");
    assert_eq!(world.grants().await, 0, "at once");
    until("the token is ended", async || {
        provider.introspect(&token).await["active"] == false
    })
    .await;
    let counts = provider.counts().await;
    assert_eq!((counts.revocations, counts.refreshes), (1, 0));
}

#[tokio::test]
async fn o11_what_a_failing_provider_leaves_undone_is_done_later() {
    let (world, provider) = World::at_provider(Setup::oauth().with_client()).await;
    world.consent_ok("alice").await;
    let token = world.refresh_token("alice").await;
    let mcp = provider.tokens("alice", &world.url("/mcp"), "notes.read").await;
    let alice = Caller::Bearer(mcp.access_token);

    provider.fail().await;
    world.call_ok(&alice, "revoke_nextcloud_access", json!({})).await;
    assert_eq!(world.grants().await, 0, "gone here at once");
    until("the first attempt has failed", async || {
        world.failed_revocations().await == 1
    })
    .await;

    provider.recover().await;
    assert_eq!(provider.introspect(&token).await["active"], true);
    sqlx::query("update pending_revocations set due_at = now()")
        .execute(&mut world.sql().await)
        .await
        .unwrap();
    until("the token is ended", async || {
        provider.introspect(&token).await["active"] == false
    })
    .await;
}

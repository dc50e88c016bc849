//! Grants of `oidc-provider`: refresh tokens rotate, and one that comes twice ends the grant.

use crate::identity_provider::TOOL_SCOPES;
use crate::world::{Caller, Setup, World, until};
use futures::future::join_all;
use serde_json::json;

impl World {
    /// Lets the stored access token be over.
    async fn expire_access_tokens(&self) {
        sqlx::query("update grants set access_expires_at = now() - interval '1 second'")
            .execute(&mut self.sql().await)
            .await
            .unwrap();
    }

    /// Lets the pause after a failed refresh be over.
    async fn end_pause(&self) {
        sqlx::query("update grants set refresh_due_at = now()")
            .execute(&mut self.sql().await)
            .await
            .unwrap();
    }

    async fn grant_state(&self) -> String {
        let state = sqlx::query_scalar("select state from grants");
        state.fetch_one(&mut self.sql().await).await.unwrap()
    }
}

#[tokio::test]
async fn t07_fifty_calls_at_two_processes_refresh_an_expired_grant_once() {
    let (mut world, provider) = World::at_provider(Setup::oauth().with_client()).await;
    world.add_process().await;
    world.consent_ok("alice").await;
    let tokens = provider.tokens("alice", &world.url("/mcp"), TOOL_SCOPES).await;
    let alice = Caller::Bearer(tokens.access_token);
    let bases = world.bases();
    let params = json!({"name": "nc_webdav_list_directory", "arguments": {"path": "/"}});

    for round in 1..=3 {
        world.expire_access_tokens().await;
        let calls = (0..50).map(|number| {
            let base = &bases[number % bases.len()];
            world.mcp_at(base, &alice, "tools/call", params.clone())
        });
        for answer in join_all(calls).await {
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_ne!(answer.body["result"]["isError"], true, "{answer:?}");
        }
        let counts = provider.counts().await;
        assert_eq!((counts.refreshes, counts.reuses), (round, 0), "round {round}");
    }
    assert_eq!(world.grant_state().await, "active");
}

#[tokio::test]
async fn a_refresh_token_used_by_somebody_else_ends_in_a_new_consent() {
    let (world, provider) = World::at_provider(Setup::oauth().with_client()).await;
    world.consent_ok("alice").await;
    let tokens = provider.tokens("alice", &world.url("/mcp"), TOOL_SCOPES).await;
    let alice = Caller::Bearer(tokens.access_token);
    // A thief of the database's backup was faster.
    let stolen = world.refresh_token("alice").await;
    provider.refresh(&stolen).await;
    world.expire_access_tokens().await;
    let params = json!({"name": "nc_webdav_list_directory", "arguments": {"path": "/"}});
    let answer = world.mcp(&alice, "tools/call", params.clone()).await;
    assert_eq!(answer.body["result"]["isError"], true, "{answer:?}");
    assert_eq!(provider.counts().await.reuses, 1, "the provider has noticed");
    assert_eq!(world.grant_state().await, "reauth_required");

    world.consent_ok("alice").await;
    assert_eq!(world.grant_state().await, "active");
    let answer = world.mcp(&alice, "tools/call", params).await;
    assert_ne!(answer.body["result"]["isError"], true, "{answer:?}");
}

#[tokio::test]
async fn t09_a_lost_answer_costs_one_consent_and_is_told() {
    let (world, provider) = World::at_provider(Setup::oauth().with_client()).await;
    world.consent_ok("alice").await;
    let tokens = provider.tokens("alice", &world.url("/mcp"), TOOL_SCOPES).await;
    let alice = Caller::Bearer(tokens.access_token);
    let params = json!({"name": "nc_webdav_list_directory", "arguments": {"path": "/"}});

    world.expire_access_tokens().await;
    provider.lose_next_refresh().await;
    let answer = world.mcp(&alice, "tools/call", params.clone()).await;
    assert_eq!(answer.body["result"]["isError"], true, "{answer:?}");
    assert_eq!(world.grant_state().await, "uncertain");
    world.mcp(&alice, "tools/call", params.clone()).await;
    let counts = provider.counts().await;
    assert_eq!((counts.refreshes, counts.reuses), (1, 0), "no second try at once");

    world.end_pause().await;
    let answer = world.mcp(&alice, "tools/call", params.clone()).await;
    assert_eq!(answer.body["result"]["isError"], true, "{answer:?}");
    until("the one further try", async || {
        world.grant_state().await == "reauth_required"
    })
    .await;
    assert_eq!(provider.counts().await.reuses, 1);

    world.consent_ok("alice").await;
    let answer = world.mcp(&alice, "tools/call", params).await;
    assert_ne!(answer.body["result"]["isError"], true, "{answer:?}");
}

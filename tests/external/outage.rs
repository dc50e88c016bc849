//! `oidc-provider` goes away.

use crate::identity_provider::{IdentityProvider, TOOL_SCOPES};
use crate::world::{Caller, Setup, World};
use nextcloud_sim::Simulator;
use serde_json::json;

#[tokio::test]
async fn j08_while_the_provider_is_away_nobody_is_told_that_a_token_is_wrong() {
    let (world, mut provider) = World::at_provider(Setup::oauth().with_client()).await;
    world.consent_ok("alice").await;
    let mcp = world.url("/mcp");
    let known = provider.tokens("alice", &mcp, TOOL_SCOPES).await;
    let later = provider.tokens("alice", &mcp, TOOL_SCOPES).await;
    let opaque = provider.tokens("alice", &world.setup.url(), TOOL_SCOPES).await;
    assert_eq!(world.status(&Caller::Bearer(known.access_token)).await, 200);

    provider.kill().await;
    let answer = world
        .mcp(&Caller::Bearer(opaque.access_token), "tools/list", json!({}))
        .await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(answer.challenge, None, "no reason to log in again");
    let status = world.status(&Caller::Bearer(later.access_token)).await;
    assert_eq!(status, 200, "a signature is checked with the last good keys");
}

#[tokio::test]
async fn a_server_starts_without_its_provider() {
    let mut provider = IdentityProvider::start(json!({})).await;
    provider.kill().await;
    let discovery = format!("{}/.well-known/openid-configuration", provider.issuer);
    let setup = Setup::oauth().with_client().set("OIDC_DISCOVERY_URL", &discovery);
    let world = World::at_nextcloud(setup, Simulator::start().await).await;
    assert_eq!(world.status(&Caller::Bearer("any".to_owned())).await, 503);
    let page = world.page("/oauth/authorize-nextcloud").await;
    assert_eq!(page.status, 503, "{}", page.body);
    assert_eq!(world.page("/health/live").await.status, 200);
}

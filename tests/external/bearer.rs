//! Access tokens of `oidc-provider` at `/mcp`.

use crate::identity_provider::TOOL_SCOPES;
use crate::world::{Caller, Setup, World, until};
use serde_json::json;

#[tokio::test]
async fn j12_a_jwt_for_this_server_opens_it_once_its_subject_is_known() {
    let (world, provider) = World::at_provider(Setup::oauth().with_client()).await;
    let tokens = provider.tokens("alice", &world.url("/mcp"), TOOL_SCOPES).await;
    let alice = Caller::Bearer(tokens.access_token.clone());
    assert_eq!(world.status(&alice).await, 403, "nobody known at Nextcloud");

    world.consent_ok("alice").await;
    // The refusal may be remembered for some seconds.
    until("alice is let in", async || world.status(&alice).await == 200).await;

    let stranger = provider.tokens("mallory", &world.url("/mcp"), TOOL_SCOPES).await;
    assert_eq!(world.status(&Caller::Bearer(stranger.access_token)).await, 403);
}

#[tokio::test]
async fn j02_tokens_for_others_and_forged_ones_are_refused() {
    let (world, provider) = World::at_provider(Setup::oauth().with_client()).await;
    world.consent_ok("alice").await;
    let own = provider.tokens("alice", &world.url("/mcp"), TOOL_SCOPES).await;
    let at_nextcloud = provider
        .tokens("alice", &world.nextcloud.url(), TOOL_SCOPES)
        .await;
    let (signed, signature) = own.access_token.rsplit_once('.').unwrap();
    let turned: String = signature.chars().rev().collect();
    for (token, what) in [
        (at_nextcloud.access_token, "made for another resource"),
        (own.id_token, "an ID token"),
        (format!("{signed}.{turned}"), "another signature"),
        ("opaque".to_owned(), "unknown to the provider"),
    ] {
        let answer = world.mcp(&Caller::Bearer(token), "tools/list", json!({})).await;
        assert_eq!(answer.status, 401, "{what}: {answer:?}");
        let challenge = answer.challenge.expect("a challenge");
        assert!(
            challenge.contains(r#"error="invalid_token""#),
            "{what}: {challenge}"
        );
    }
    assert_eq!(world.status(&Caller::Bearer(own.access_token)).await, 200);
}

#[tokio::test]
async fn an_opaque_token_is_introspected_and_remembered() {
    let (world, provider) = World::at_provider(Setup::oauth().with_client()).await;
    world.consent_ok("alice").await;
    let tokens = provider.tokens("alice", &world.setup.url(), TOOL_SCOPES).await;
    assert!(!tokens.access_token.contains('.'), "opaque");
    let alice = Caller::Bearer(tokens.access_token);
    for _ in 0..3 {
        assert_eq!(world.status(&alice).await, 200);
    }
    assert_eq!(provider.counts().await.introspections, 1);
}

#[tokio::test]
async fn j13_a_token_opens_the_tools_of_its_scopes_only() {
    let (world, provider) = World::at_provider(Setup::oauth().with_client()).await;
    world.consent_ok("alice").await;
    let tokens = provider.tokens("alice", &world.url("/mcp"), "notes.read").await;
    let alice = Caller::Bearer(tokens.access_token);
    let answer = world.mcp(&alice, "tools/list", json!({})).await;
    let tools = answer.body["result"]["tools"].as_array().unwrap();
    let has = |name: &str| tools.iter().any(|tool| tool["name"] == name);
    assert!(has("nc_notes_search_notes"), "{answer:?}");
    assert!(!has("nc_webdav_list_directory"), "{answer:?}");

    let params = json!({"name": "nc_webdav_list_directory", "arguments": {"path": "/"}});
    let answer = world.mcp(&alice, "tools/call", params).await;
    assert_eq!(answer.status, 403, "{answer:?}");
    let challenge = answer.challenge.expect("a challenge");
    for part in [
        r#"error="insufficient_scope""#,
        "files.read",
        "resource_metadata=",
    ] {
        assert!(challenge.contains(part), "{challenge}");
    }
}

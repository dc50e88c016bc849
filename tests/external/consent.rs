//! Consent at `oidc-provider`.

use crate::harness::ALICE;
use crate::identity_provider::IdentityProvider;
use crate::world::{Caller, Setup, World, until};
use nextcloud_sim::Simulator;
use serde_json::json;

const BASIC: Caller = Caller::Basic {
    login: ALICE.uid,
    password: ALICE.password,
};

#[tokio::test]
async fn background_work_runs_on_a_consent_given_at_another_provider() {
    let nextcloud = Simulator::start().await;
    nextcloud
        .world()
        .put_file("alice", "/plan.md", "# The harvest festival");
    let setup = Setup::hybrid().with_client();
    let settings = IdentityProvider::settings(&setup.url(), &nextcloud.url());
    let (world, _provider) = World::at_provider_with(setup, nextcloud, settings).await;
    let status = world
        .call_ok(&BASIC, "check_provisioning_status", json!({}))
        .await;
    assert_eq!(status["state"], "not_provisioned");

    world.consent_ok("alice").await;
    let status = world
        .call_ok(&BASIC, "check_provisioning_status", json!({}))
        .await;
    assert_eq!(
        (&status["state"], &status["credential_type"]),
        (&json!("active"), &json!("refresh_token")),
        "{status}"
    );
    until("alice's file is found", async || {
        let found = world
            .call_ok(&BASIC, "nc_semantic_search", json!({"query": "festival"}))
            .await;
        found["results"].as_array().is_some_and(|hits| !hits.is_empty())
    })
    .await;
}

#[tokio::test]
async fn o08_a_link_made_by_the_tool_stores_the_consent_of_its_user_only() {
    let (world, _provider) = World::at_provider(Setup::hybrid().with_client()).await;
    let link = async || {
        let answer = world
            .call_ok(&BASIC, "provision_nextcloud_access", json!({}))
            .await;
        answer["provisioning_url"].as_str().expect("a link").to_owned()
    };
    let page = crate::person::allow("bob", &link().await).await;
    assert_eq!(page.status, 403, "{}", page.body);
    assert_eq!(world.grants().await, 0);
    let page = crate::person::allow("alice", &link().await).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(world.grants().await, 1);
}

#[tokio::test]
async fn where_nextcloud_refuses_the_tokens_the_way_is_an_app_password() {
    let nextcloud = Simulator::start().await;
    let setup = Setup::hybrid().with_client();
    let mut settings = IdentityProvider::settings(&setup.url(), &nextcloud.url());
    // Without a resource its tokens are opaque, and Nextcloud takes no opaque tokens of others (facts §4).
    settings["default_resource"] = json!(null);
    let (world, _provider) = World::at_provider_with(setup, nextcloud, settings).await;

    let page = world.consent("alice").await;
    assert_eq!(page.status, 403, "{}", page.body);
    for part in ["does not accept", "app password", "/api/v1/users/"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_eq!(world.grants().await, 0, "nothing is stored");
    let answer = world
        .call_ok(&BASIC, "provision_nextcloud_access", json!({}))
        .await;
    let message = answer["message"].as_str().unwrap();
    assert!(message.contains("app-password"), "{message}");
}

#[tokio::test]
async fn nextcloud_makes_no_app_password_for_another_providers_token() {
    let setup = Setup::hybrid()
        .with_client()
        .set("BACKGROUND_CREDENTIAL", "app_password");
    let (world, _provider) = World::at_provider(setup).await;
    let page = world.consent("alice").await;
    assert_eq!(page.status, 403, "{}", page.body);
    for part in ["made no app password", "/api/v1/users/"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let status = world
        .call_ok(&BASIC, "check_provisioning_status", json!({}))
        .await;
    assert_eq!(status["state"], "not_provisioned", "{status}");
}

#[tokio::test]
async fn a_token_for_this_server_alone_manages_its_users_consent() {
    let (world, provider) = World::at_provider(Setup::oauth().with_client()).await;
    world.consent_ok("alice").await;
    // Scopes of OpenID Connect are not in the tokens that the provider makes for a resource (RFC 8707).
    let tokens = provider.tokens("alice", &world.url("/mcp"), "notes.read").await;
    let alice = Caller::Bearer(tokens.access_token);
    let status = world
        .call_ok(&alice, "check_provisioning_status", json!({}))
        .await;
    assert_eq!(status["state"], "active", "{status}");
    world.call_ok(&alice, "revoke_nextcloud_access", json!({})).await;
    let answer = world
        .call_ok(&alice, "provision_nextcloud_access", json!({}))
        .await;
    assert!(answer["provisioning_url"].is_string(), "{answer}");
}

//! The four provisioning tools, and the other tools while nothing is provisioned.

use super::*;
use crate::auth::access::{AccessStatus, CredentialKind, CredentialState};
use crate::auth::scopes::ScopeSet;
use crate::auth::testing::provider::FakeProvider;
use crate::mcp::testing::{FakeAccess, provisioning};
use chrono::DateTime;

const LINK: &str = "https://mcp.example.org/oauth/authorize-nextcloud?link=alice-1";
const SECURITY_PAGE: &str = "https://cloud.example.org/settings/user/security";

fn own() -> FakeProvider {
    FakeProvider::at("https://cloud.example.org", true)
}

/// Alice by an OAuth token, with nothing stored.
fn token_bearer(scopes: &str) -> Caller {
    Caller::with_stored_credential(Principal::verified(&CurrentUser::for_test("alice")), None)
        .restricted_to(Some(ScopeSet::parse(scopes)))
}

async fn connect(access: &Arc<FakeAccess>, provider: FakeProvider) -> Client {
    let services = provisioning(access, provider);
    let server = server_with(&Arc::default(), &manual_clock(), Some(services));
    Client::connect_as(token_bearer("openid notes.read semantic.read"), server).await
}

fn granted() -> AccessStatus {
    AccessStatus {
        state: CredentialState::Active,
        kind: Some(CredentialKind::RefreshToken),
        provisioned_at: DateTime::from_timestamp(1_780_000_000, 0),
        client_id: Some("mcp-server".into()),
        scopes: Some(vec!["openid".into(), "offline_access".into()]),
        ..AccessStatus::not_provisioned()
    }
}

#[tokio::test]
async fn the_tools_are_listed_for_openid_and_only_where_the_mode_has_them() {
    let services = provisioning(&Arc::default(), own());
    let server = server_with(&Arc::default(), &manual_clock(), Some(services));
    let mut client = Client::connect_as(token_bearer("openid"), server).await;
    let listed = client.tools().await;
    let tools = listed["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "provision_nextcloud_access",
            "check_provisioning_status",
            "check_logged_in",
            "revoke_nextcloud_access"
        ]
    );
    for tool in tools {
        assert_eq!(tool["inputSchema"]["properties"], json!({}), "no user is taken");
    }
    let foreign = client
        .call("revoke_nextcloud_access", json!({"user_id": "bob"}))
        .await;
    assert_eq!(foreign["error"]["code"], -32602, "{foreign}");
}

#[tokio::test]
async fn o08_the_link_is_the_callers_and_nothing_is_given_by_it() {
    let mut client = connect(&Arc::default(), own()).await;
    let answer = client.result("provision_nextcloud_access", json!({})).await;
    assert_eq!(
        (
            &answer["success"],
            &answer["already_provisioned"],
            &answer["provisioning_url"]
        ),
        (&json!(true), &json!(false), &json!(LINK))
    );
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains(LINK) && message.contains("signed in to Nextcloud as alice"),
        "{message}"
    );
    assert!(!message.contains("app password"), "not needed here: {message}");
    let status = client.result("check_provisioning_status", json!({})).await;
    assert_eq!(
        (&status["is_provisioned"], &status["state"]),
        (&json!(false), &json!("not_provisioned"))
    );
}

#[tokio::test]
async fn what_is_granted_is_told_and_not_asked_for_again() {
    let access = Arc::<FakeAccess>::default();
    access.set("alice", granted());
    let mut client = connect(&access, own()).await;
    let status = client.result("check_provisioning_status", json!({})).await;
    let expected = json!({
        "is_provisioned": true, "provisioned_at": "2026-05-28T20:26:40Z", "credential_type": "refresh_token",
        "client_id": "mcp-server", "scopes": ["openid", "offline_access"], "flow_type": "hybrid", "state": "active",
        "since": null, "expires_at": null, "message": "Access to Nextcloud is given and works.",
    });
    assert_eq!(status, expected);
    let again = client.result("provision_nextcloud_access", json!({})).await;
    assert_eq!(
        (&again["already_provisioned"], &again["provisioning_url"]),
        (&json!(true), &Value::Null)
    );
    let answer = client.call("check_logged_in", json!({})).await;
    assert_eq!(answer["result"]["content"][0]["text"], "yes");
    assert_eq!(answer["result"]["structuredContent"], json!({"result": "yes"}));
}

#[tokio::test]
async fn a_dead_grant_says_why_and_how_to_give_it_anew() {
    let access = Arc::<FakeAccess>::default();
    access.set(
        "alice",
        AccessStatus {
            state: CredentialState::ReauthRequired,
            reason: Some("the grant is no longer valid".into()),
            ..granted()
        },
    );
    let mut client = connect(&access, own()).await;
    let answer = client.call("check_logged_in", json!({})).await;
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with(
            "Access to Nextcloud has ended and must be given again: the grant is no longer valid. "
        ) && text.contains(LINK),
        "{text}"
    );
    access.set(
        "alice",
        AccessStatus {
            state: CredentialState::OperatorActionRequired,
            ..granted()
        },
    );
    let answer = client.result("provision_nextcloud_access", json!({})).await;
    assert_eq!(
        (&answer["success"], &answer["provisioning_url"]),
        (&json!(false), &Value::Null)
    );
}

#[tokio::test]
async fn revoking_is_idempotent() {
    let access = Arc::<FakeAccess>::default();
    access.set("alice", granted());
    let mut client = connect(&access, own()).await;
    for message in [
        "Access to Nextcloud was taken back.",
        "There was no access to take back.",
    ] {
        let answer = client.result("revoke_nextcloud_access", json!({})).await;
        assert_eq!(answer["success"], true);
        assert!(
            answer["message"].as_str().unwrap().starts_with(message),
            "{answer}"
        );
    }
    let revocations = access.revocations.lock().unwrap();
    assert!(revocations.len() == 2 && revocations.iter().all(|(user, _)| user == "alice"));
}

#[tokio::test]
async fn another_provider_comes_with_the_app_password_way() {
    let mut client = connect(
        &Arc::default(),
        FakeProvider::at("https://idp.example.org", false),
    )
    .await;
    let answer = client.result("provision_nextcloud_access", json!({})).await;
    assert_eq!(answer["provisioning_url"], LINK);
    let message = answer["message"].as_str().unwrap();
    for part in [
        "https://idp.example.org",
        SECURITY_PAGE,
        "POST https://mcp.example.org/api/v1/users/alice/app-password",
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[tokio::test]
async fn without_a_provider_only_the_app_password_way_is_left() {
    let mut client = connect(&Arc::default(), FakeProvider::away("connection refused")).await;
    let answer = client.result("provision_nextcloud_access", json!({})).await;
    assert_eq!(
        (&answer["success"], &answer["provisioning_url"]),
        (&json!(false), &Value::Null)
    );
    let message = answer["message"].as_str().unwrap();
    assert!(
        message.contains("connection refused") && message.contains(SECURITY_PAGE),
        "{message}"
    );
}

#[tokio::test]
async fn other_tools_lead_to_the_consent_while_nothing_is_provisioned() {
    let mut client = connect(&Arc::default(), own()).await;
    let answer = client.call("nc_notes_get_note", json!({"note_id": 1})).await;
    assert_eq!(answer["result"]["isError"], true);
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("nc_notes_get_note failed: this server has no access to the user's Nextcloud yet. ")
            && text.contains(LINK),
        "{text}"
    );
    let answer = client
        .request("resources/read", json!({"uri": "nc://capabilities"}))
        .await;
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("has no access") && message.contains("alice-2"),
        "{message}"
    );
}

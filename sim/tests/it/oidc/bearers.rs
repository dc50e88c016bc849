//! Access tokens at Nextcloud's APIs, at userinfo and introspection.

use std::time::Duration;

use nextcloud_sim::OidcClient;
use serde_json::json;

use super::{CALLBACK, SCOPES, as_bearer, described, introspect, opaque, own_account, refresh};
use crate::client::{basic, header, send};

#[tokio::test]
async fn an_access_token_lives_twice_as_long_as_it_says() {
    let (simulator, client) = opaque().await;
    let world = simulator.world();
    world.stop_clock_at(1_800_000_000);
    let token = world.oidc().issue("alice", &client.id, SCOPES, None).access_token;
    let facts = introspect(&simulator, &client, &token).await;
    assert_eq!(
        (&facts["exp"], &facts["iat"]),
        (&json!(1_800_001_800), &json!(1_800_000_000))
    );
    assert_eq!(facts["aud"], client.id);
    world.advance(Duration::from_mins(30));
    assert_eq!(own_account(&simulator, &token).await.status, 200);
    world.advance(Duration::from_secs(1));
    assert_eq!(introspect(&simulator, &client, &token).await["active"], false);
    assert_eq!(own_account(&simulator, &token).await.status, 401);
}

#[tokio::test]
async fn an_expired_access_token_takes_its_refresh_token_along_unless_introspected() {
    let (simulator, client) = opaque().await;
    let world = simulator.world();
    world.oidc().set_refresh_expire_time(None);
    for (use_it, survives) in [
        ("ocs", false),
        ("dav", false),
        ("userinfo", false),
        ("introspect", true),
        ("nothing", true),
    ] {
        let tokens = world.oidc().issue("alice", &client.id, SCOPES, None);
        world.advance(Duration::from_secs(1801));
        let token = &tokens.access_token;
        let dav = "/remote.php/dav/files/alice/";
        match use_it {
            "ocs" => assert_eq!(own_account(&simulator, token).await.status, 401),
            "dav" => assert_eq!(as_bearer(&simulator, "PROPFIND", dav, token).await.status, 401),
            "userinfo" => {
                let answer = as_bearer(&simulator, "GET", "/apps/oidc/userinfo", token).await;
                assert_eq!(
                    described(&answer),
                    (400, "Access token already expired.".to_owned())
                );
            }
            "introspect" => drop(introspect(&simulator, &client, token).await),
            _ => {}
        }
        let answer = refresh(&simulator, &client, &tokens.refresh_token.unwrap()).await;
        assert_eq!(answer.status == 200, survives, "{use_it}");
    }
}

#[tokio::test]
async fn without_bearer_validation_access_tokens_are_refused_and_harmless() {
    let (simulator, client) = opaque().await;
    let world = simulator.world();
    world.oidc().set_bearer_validation(false);
    let tokens = world.oidc().issue("alice", &client.id, SCOPES, None);
    assert_eq!(own_account(&simulator, &tokens.access_token).await.status, 401);
    world.advance(Duration::from_secs(1801 - 900));
    assert_eq!(
        refresh(&simulator, &client, &tokens.refresh_token.unwrap())
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_bearer_mints_an_app_password_under_the_name_of_its_program() {
    let (simulator, client) = opaque().await;
    let world = simulator.world();
    let token = world
        .oidc()
        .issue("alice", &client.id, "openid", None)
        .access_token;
    let headers = [
        header("authorization", &format!("Bearer {token}")),
        header("user-agent", "My program"),
    ];
    let path = "/ocs/v2.php/core/getapppassword?format=json";
    let answer = send(simulator.address(), "GET", path, &headers, b"").await;
    let password = answer.json()["ocs"]["data"]["apppassword"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(world.app_password_names("alice"), ["My program"]);
    let own = [basic("alice", &password), header("ocs-apirequest", "true")];
    assert_eq!(
        send(simulator.address(), "GET", path, &own, b"").await.status,
        403
    );
    let path = "/ocs/v2.php/core/apppassword?format=json";
    assert_eq!(
        send(simulator.address(), "DELETE", path, &own, b"").await.status,
        200
    );
    assert!(world.app_password_names("alice").is_empty());
}

#[tokio::test]
async fn each_bearer_request_makes_a_session_whose_cookie_outranks_the_next_bearer() {
    let (simulator, client) = opaque().await;
    let oidc = simulator.world().oidc();
    let alice = oidc.issue("alice", &client.id, SCOPES, None).access_token;
    let bob = oidc.issue("bob", &client.id, SCOPES, None).access_token;
    let first = own_account(&simulator, &alice).await;
    let cookies = first.headers.iter().filter(|(name, _)| name == "set-cookie");
    let cookies: Vec<&str> = cookies
        .map(|(_, value)| value.split(';').next().unwrap())
        .collect();
    let headers = [
        header("authorization", &format!("Bearer {bob}")),
        header("cookie", &cookies.join("; ")),
        header("ocs-apirequest", "true"),
    ];
    let path = "/ocs/v2.php/cloud/user?format=json";
    let mixed = send(simulator.address(), "GET", path, &headers, b"").await;
    assert_eq!(mixed.header("x-user-id"), Some("alice"));
    assert_eq!(
        own_account(&simulator, &bob).await.header("x-user-id"),
        Some("bob")
    );
    assert_eq!(oidc.bearer_sessions(), 2);
}

#[tokio::test]
async fn a_token_is_introspected_by_its_owner_and_by_the_resource_it_is_for() {
    let (simulator, owner) = opaque().await;
    let oidc = simulator.world().oidc();
    let resource = oidc.create_client(OidcClient::new(CALLBACK).resource_url("http://mcp.test"));
    let stranger = oidc.create_client(OidcClient::new(CALLBACK));
    for (audience, expected) in [
        (Some("http://mcp.test"), [true, true, false]),
        (Some(stranger.id.as_str()), [true, false, true]),
        (None, [true, false, false]),
    ] {
        let token = oidc.issue("alice", &owner.id, SCOPES, audience).access_token;
        for (client, active) in [&owner, &resource, &stranger].into_iter().zip(expected) {
            assert_eq!(
                introspect(&simulator, client, &token).await["active"],
                active,
                "{audience:?}"
            );
        }
    }
}

//! Discovery, keys, and clients that register themselves.

use std::time::Duration;

use nextcloud_sim::{BrowserSession, OidcClient, Simulator, TokenType};
use serde_json::{Value, json};

use super::{CALLBACK, SCOPES, post, provider, refresh};
use crate::client::{header, send};

#[tokio::test]
async fn jwts_verify_by_the_key_set_until_the_key_changes() {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
    let (simulator, client) = provider(OidcClient::new(CALLBACK).token_type(TokenType::Jwt)).await;
    let oidc = simulator.world().oidc();
    let token = oidc.issue("alice", &client.id, SCOPES, None).access_token;
    let header = decode_header(&token).unwrap();
    assert_eq!(header.typ.as_deref(), Some("at+JWT"));
    let keys = send(simulator.address(), "GET", "/apps/oidc/jwks", &[], b"").await;
    let keys: JwkSet = serde_json::from_slice(&keys.body).unwrap();
    let key = DecodingKey::from_jwk(keys.find(&header.kid.unwrap()).unwrap()).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&[&client.id]);
    decode::<Value>(&token, &key, &rules).unwrap();
    oidc.rotate_signing_key();
    let other = oidc.issue("alice", &client.id, SCOPES, None).access_token;
    assert!(decode::<Value>(&other, &key, &rules).is_err());
}

#[tokio::test]
async fn registered_clients_expire_and_take_their_grants_along() {
    let simulator = Simulator::start().await;
    let world = simulator.world();
    let headers = [header("content-type", "application/json")];
    let body = json!({"redirect_uris": [CALLBACK], "token_endpoint_auth_method": "none"}).to_string();
    let path = "/apps/oidc/register";
    let refused = send(simulator.address(), "POST", path, &headers, body.as_bytes()).await;
    assert_eq!(refused.json()["error"], "dynamic_registration_not_allowed");
    world.oidc().set_dynamic_registration(true);
    let document = send(simulator.address(), "POST", path, &headers, body.as_bytes()).await;
    assert_eq!(document.status, 201);
    let document = document.json();
    let field = |name: &str| document[name].as_str().unwrap().to_owned();
    let client = OidcClient::new(CALLBACK).credentials(&field("client_id"), &field("client_secret"));
    assert_eq!(document["token_endpoint_auth_method"], "client_secret_post");
    world.oidc().set_refresh_expire_time(None);
    let token = world
        .oidc()
        .issue("alice", &client.id, SCOPES, None)
        .refresh_token
        .unwrap();
    world.advance(Duration::from_secs(3602));
    assert_eq!(
        refresh(&simulator, &client, &token).await.json()["error"],
        "expired_client"
    );
    world.oidc().remove_expired_clients();
    let answer = refresh(&simulator, &client, &token).await;
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (400, Some("invalid_client"))
    );
    assert_eq!(world.oidc().live_grants("alice"), 0);
}

#[tokio::test]
async fn the_issuer_follows_the_host_and_discovery_has_no_revocation() {
    let simulator = Simulator::start().await;
    let mut browser = BrowserSession::new();
    let url = format!("{}/.well-known/openid-configuration", simulator.url());
    let page = browser.visit(&url, None).await.unwrap();
    assert!(page.url.path().starts_with("/index.php/"));
    let document: Value = serde_json::from_str(&page.body).unwrap();
    assert_eq!(document["issuer"], simulator.url());
    assert!(document.get("revocation_endpoint").is_none());
    assert!(document.get("registration_endpoint").is_none());
    let missing = format!("{}/.well-known/oauth-authorization-server", simulator.url());
    assert_eq!(browser.visit(&missing, None).await.unwrap().status, 404);
    let revoke = post(&simulator, "/apps/oidc/revoke", &[("token", "x")]).await;
    assert_eq!(revoke.status, 404);
    simulator
        .world()
        .oidc()
        .set_overwrite_url(Some("https://cloud.example.org"));
    let document: Value = serde_json::from_str(&browser.visit(&url, None).await.unwrap().body).unwrap();
    assert_eq!(document["issuer"], "https://cloud.example.org");
}

//! The identity provider's oddities, each as it was measured (facts §0, §3, §4).

mod bearers;
mod codes;
mod documents;
mod external_issuer;
mod recorded;
mod recorded_clients;
mod recorded_tokens;
mod refreshes;
mod replay;
mod secrets;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nextcloud_sim::{BrowserSession, OidcClient, Simulator};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::client::{Answer, header, send};

pub const CALLBACK: &str = "http://127.0.0.1:9911/cb";
pub const SCOPES: &str = "openid profile email offline_access";
pub const VERIFIER: &str = "a-verifier-of-more-than-forty-three-characters";

/// A simulator whose APIs take access tokens, and a client of it.
pub async fn provider(client: OidcClient) -> (Simulator, OidcClient) {
    let simulator = Simulator::start().await;
    let oidc = simulator.world().oidc();
    oidc.set_bearer_validation(true);
    let client = oidc.create_client(client);
    (simulator, client)
}

pub async fn opaque() -> (Simulator, OidcClient) {
    provider(OidcClient::new(CALLBACK)).await
}

pub async fn post(simulator: &Simulator, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    let headers = [header("content-type", "application/x-www-form-urlencoded")];
    send(simulator.address(), "POST", path, &headers, body.as_bytes()).await
}

pub async fn refresh(simulator: &Simulator, client: &OidcClient, token: &str) -> Answer {
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", token),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    post(simulator, "/apps/oidc/token", &fields).await
}

pub async fn introspect(simulator: &Simulator, client: &OidcClient, token: &str) -> Value {
    let fields = [
        ("token", token),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    post(simulator, "/apps/oidc/introspect", &fields).await.json()
}

pub async fn as_bearer(simulator: &Simulator, method: &str, path: &str, token: &str) -> Answer {
    let headers = [header("authorization", &format!("Bearer {token}"))];
    send(simulator.address(), method, path, &headers, b"").await
}

pub async fn own_account(simulator: &Simulator, token: &str) -> Answer {
    as_bearer(simulator, "GET", "/ocs/v2.php/cloud/user?format=json", token).await
}

pub fn authorize_url(simulator: &Simulator, client: &OidcClient, scopes: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([
            ("response_type", "code"),
            ("client_id", &client.id),
            ("redirect_uri", CALLBACK),
            ("scope", scopes),
            ("state", "st"),
            ("nonce", "once"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ])
        .finish();
    format!("{}/apps/oidc/authorize?{query}", simulator.url())
}

pub async fn code(simulator: &Simulator, client: &OidcClient, scopes: &str) -> String {
    let mut browser = BrowserSession::signing_in_as("alice", "alice-pass-1");
    let url = authorize_url(simulator, client, scopes);
    let end = browser.visit(&url, Some(CALLBACK)).await.unwrap();
    assert!(end.is_stop(), "{} {}", end.url, end.body);
    assert_eq!(end.query_value("state").as_deref(), Some("st"));
    end.query_value("code").unwrap()
}

pub async fn redeem(simulator: &Simulator, client: &OidcClient, code: &str, verifier: &str) -> Answer {
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", "http://elsewhere/"),
        ("code_verifier", verifier),
        ("client_id", &client.id),
        ("client_secret", &client.secret),
    ];
    post(simulator, "/apps/oidc/token", &fields).await
}

pub fn claims(jwt: &str) -> Value {
    let payload = jwt.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

pub fn described(answer: &Answer) -> (u16, String) {
    let text = answer.json()["error_description"].as_str().unwrap().to_owned();
    (answer.status, text)
}

pub const NO_ROW: &str = "Could not find access token for code or refresh_token.";

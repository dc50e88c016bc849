//! Access tokens of another identity provider (facts §4, last rows but one).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nextcloud_sim::Simulator;
use serde_json::{Value, json};

use super::as_bearer;

#[tokio::test]
async fn jwts_of_a_trusted_issuer_work_at_the_apis_and_make_no_app_password() {
    const ISSUER: &str = "https://idp.example.test";
    let simulator = Simulator::start().await;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = |issuer: &str, end: u64| {
        let claims = part(json!({"iss": issuer, "sub": "alice", "aud": "elsewhere", "exp": end}));
        format!("{}.{claims}.unchecked", part(json!({"alg": "RS256"})))
    };
    let far = 32_503_680_000;
    let me = "/ocs/v2.php/cloud/user?format=json";
    let status = async |token: String, path: &str| as_bearer(&simulator, "GET", path, &token).await.status;

    assert_eq!(status(token(ISSUER, far), me).await, 401, "not trusted yet");
    simulator.world().oidc().trust_issuer(ISSUER);
    assert_eq!(status(token(ISSUER, far), me).await, 200);
    assert_eq!(status(token(ISSUER, 1), me).await, 401, "expired");
    assert_eq!(status(token("https://other.example.test", far), me).await, 401);
    assert_eq!(status("opaque".to_owned(), me).await, 401);
    let mint = "/ocs/v2.php/core/getapppassword?format=json";
    assert_eq!(status(token(ISSUER, far), mint).await, 403);
}

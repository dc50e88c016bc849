//! The authorization endpoint, the login, the consent page and the exchange of codes.

use std::time::Duration;

use nextcloud_sim::{BrowserSession, Consent, OidcClient, TokenType};
use serde_json::json;

use super::{
    CALLBACK, NO_ROW, SCOPES, VERIFIER, as_bearer, authorize_url, claims, code, described, introspect,
    opaque, own_account, provider, redeem, refresh,
};
use crate::client::{header, send};

#[tokio::test]
async fn a_signed_in_user_grants_silently_and_the_tokens_work_everywhere() {
    let (simulator, client) = provider(
        OidcClient::new(CALLBACK)
            .token_type(TokenType::Jwt)
            .resource_url("http://mcp.test"),
    )
    .await;
    let code = code(&simulator, &client, SCOPES).await;
    let tokens = redeem(&simulator, &client, &code, VERIFIER).await.json();
    assert_eq!(
        (&tokens["expires_in"], &tokens["refresh_expires_in"]),
        (&json!(900), &json!(900))
    );
    assert!(tokens.get("scope").is_none());
    let id_token = claims(tokens["id_token"].as_str().unwrap());
    assert_eq!(
        (&id_token["aud"], &id_token["nonce"]),
        (&json!(client.id), &json!("once"))
    );
    assert_eq!(id_token["iss"], simulator.url());
    let access_token = tokens["access_token"].as_str().unwrap();
    let facts = claims(access_token);
    assert_eq!(
        (&facts["aud"], &facts["scope"]),
        (&json!("http://mcp.test"), &json!(SCOPES))
    );
    let second = refresh(&simulator, &client, tokens["refresh_token"].as_str().unwrap()).await;
    let second = second.json();
    let access_token = second["access_token"].as_str().unwrap();
    assert_eq!(claims(access_token)["jti"], facts["jti"]);
    let account = own_account(&simulator, access_token).await;
    assert_eq!(
        (account.status, account.header("x-user-id")),
        (200, Some("alice"))
    );
    let listing = as_bearer(
        &simulator,
        "PROPFIND",
        "/remote.php/dav/files/alice/",
        access_token,
    )
    .await;
    assert_eq!(listing.status, 207);
    let bare = as_bearer(
        &simulator,
        "GET",
        "/index.php/apps/notes/api/v1/notes",
        access_token,
    )
    .await;
    assert_eq!(bare.status, 401);
    let headers = [
        header("authorization", &format!("Bearer {access_token}")),
        header("ocs-apirequest", "true"),
    ];
    let path = "/index.php/apps/notes/api/v1/notes";
    assert_eq!(
        send(simulator.address(), "GET", path, &headers, b"").await.status,
        200
    );
}

#[tokio::test]
async fn a_code_works_once_within_its_time_and_with_its_verifier() {
    let (simulator, client) = opaque().await;
    let used = code(&simulator, &client, SCOPES).await;
    let tokens = redeem(&simulator, &client, &used, VERIFIER).await.json();
    assert_eq!(
        described(&redeem(&simulator, &client, &used, VERIFIER).await).1,
        "Authorization code has already been used."
    );
    let gone = refresh(&simulator, &client, tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(described(&gone).1, NO_ROW);
    for (verifier, problem) in [
        ("", "code_verifier required for PKCE flow."),
        ("another", "Invalid code_verifier."),
    ] {
        let burnt = code(&simulator, &client, SCOPES).await;
        assert_eq!(
            described(&redeem(&simulator, &client, &burnt, verifier).await).1,
            problem
        );
        assert_eq!(
            described(&redeem(&simulator, &client, &burnt, VERIFIER).await).1,
            NO_ROW
        );
    }
    let late = code(&simulator, &client, SCOPES).await;
    simulator.world().advance(Duration::from_secs(902));
    assert_eq!(
        described(&redeem(&simulator, &client, &late, VERIFIER).await).1,
        "Access token already expired."
    );
}

#[tokio::test]
async fn scopes_that_a_client_may_not_have_are_dropped_without_a_word() {
    let (simulator, client) =
        provider(OidcClient::new(CALLBACK).allowed_scopes("openid profile notes.read")).await;
    let code = code(
        &simulator,
        &client,
        "openid notes.read notes.write offline_access",
    )
    .await;
    let tokens = redeem(&simulator, &client, &code, VERIFIER).await.json();
    assert!(tokens.get("refresh_token").is_none());
    let facts = introspect(&simulator, &client, tokens["access_token"].as_str().unwrap()).await;
    assert_eq!(facts["scope"], "openid notes.read");
    let document = send(
        simulator.address(),
        "GET",
        "/apps/oidc/openid-configuration",
        &[],
        b"",
    )
    .await;
    let scopes = document.json()["scopes_supported"].to_string();
    assert!(scopes.contains("notes.read"), "{scopes}");
}

#[tokio::test]
async fn a_user_who_is_asked_may_refuse_or_leave_scopes_out() {
    let (simulator, client) = opaque().await;
    simulator.world().oidc().set_allow_user_settings(true);
    let url = authorize_url(&simulator, &client, SCOPES);
    let mut refusing = BrowserSession::signing_in_as("bob", "bob-pass-1").deciding(Consent::Deny);
    let end = refusing.visit(&url, Some(CALLBACK)).await.unwrap();
    assert_eq!(end.query_value("error").as_deref(), Some("access_denied"));
    assert_eq!(end.query_value("state").as_deref(), Some("st"));
    let without = Consent::GrantWithout(vec!["offline_access".to_owned()]);
    let mut choosing = BrowserSession::signing_in_as("alice", "alice-pass-1").deciding(without);
    let end = choosing.visit(&url, Some(CALLBACK)).await.unwrap();
    let tokens = redeem(&simulator, &client, &end.query_value("code").unwrap(), VERIFIER).await;
    assert_eq!(tokens.status, 200);
    assert!(tokens.json().get("refresh_token").is_none());
    // The page comes again for other scopes, and not for the same.
    let mut asked = BrowserSession::signing_in_as("bob", "bob-pass-1");
    let end = asked.visit(&url, Some(CALLBACK)).await.unwrap();
    let code = end.query_value("code").unwrap();
    let tokens = redeem(&simulator, &client, &code, VERIFIER).await.json();
    let direct = asked.get(&url).await.unwrap();
    assert!(direct.location().unwrap().as_str().starts_with(CALLBACK));
    let fewer = asked
        .get(&authorize_url(&simulator, &client, "openid"))
        .await
        .unwrap();
    assert!(fewer.location().unwrap().path().ends_with("/apps/oidc/consent"));
    simulator.world().oidc().withdraw_consent("bob", &client.id);
    let gone = refresh(&simulator, &client, tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(described(&gone).1, NO_ROW);
}

#[tokio::test]
async fn the_login_form_wants_the_right_password_and_its_token() {
    let (simulator, client) = opaque().await;
    let url = authorize_url(&simulator, &client, SCOPES);
    let mut wrong = BrowserSession::signing_in_as("alice", "wrong");
    assert!(wrong.visit(&url, Some(CALLBACK)).await.is_err());
    let login = format!("{}/login", simulator.url());
    let fields = [("user", "alice"), ("password", "alice-pass-1")];
    let mut browser = BrowserSession::new();
    assert_eq!(browser.post_form(&login, &fields).await.unwrap().status, 412);
    // A login name that is no UID.
    simulator.world().add_user("4711", "carol", "carol-pass", &[]);
    let mut carol = BrowserSession::signing_in_as("carol", "carol-pass");
    let end = carol.visit(&url, Some(CALLBACK)).await.unwrap();
    let code = end.query_value("code").unwrap();
    let tokens = redeem(&simulator, &client, &code, VERIFIER).await.json();
    assert_eq!(claims(tokens["id_token"].as_str().unwrap())["sub"], "4711");
}

#[tokio::test]
async fn a_browser_stays_where_it_was_told() {
    let (simulator, client) = opaque().await;
    let url = authorize_url(&simulator, &client, SCOPES);
    let mut browser = BrowserSession::signing_in_as("alice", "alice-pass-1").staying_at(&simulator.url());
    let end = browser.visit(&url, None).await.unwrap();
    assert!(end.is_stop());
    assert!(end.url.as_str().starts_with(CALLBACK), "{}", end.url);
    // Signed in: the same request is answered at once; another browser has to log in.
    assert_eq!(browser.get(&url).await.unwrap().status, 303);
    browser.clear_cookies();
    let guest = browser.get(&url).await.unwrap();
    assert_eq!(guest.location().unwrap().path(), "/login");
}

use super::super::testing::{config, http_client, serve};
use super::*;
use axum::Router;
use axum::http::StatusCode;
use axum::response::Redirect;
use axum::routing::get;
use serde_json::json;

const HOST: &str = "https://cloud.example.test";
const IDP: &str = "https://idp.example.test/realm";

fn rules(settings: &[(&str, &str)]) -> DiscoveryRules {
    DiscoveryRules::new(&config(HOST, settings))
}

/// What the `oidc` app at `base` says.
fn document(base: &str) -> Value {
    json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/apps/oidc/authorize"),
        "token_endpoint": format!("{base}/apps/oidc/token"),
        "userinfo_endpoint": format!("{base}/apps/oidc/userinfo"),
        "jwks_uri": format!("{base}/apps/oidc/jwks"),
        "introspection_endpoint": format!("{base}/apps/oidc/introspect"),
        "code_challenge_methods_supported": ["S256", "plain"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
    })
}

/// What another provider says.
fn external() -> Value {
    json!({
        "issuer": IDP,
        "authorization_endpoint": format!("{IDP}/auth"),
        "token_endpoint": format!("{IDP}/token"),
        "jwks_uri": format!("{IDP}/jwks"),
        "revocation_endpoint": format!("{IDP}/revoke"),
        "code_challenge_methods_supported": ["S256"],
    })
}

fn with(mut document: Value, name: &str, value: Value) -> Value {
    document[name] = value;
    document
}

fn check_at(rules: &DiscoveryRules, document: Value, at: &str) -> Result<Checked, String> {
    let at = Url::parse(at).unwrap();
    rules.check(Found { document, at }).map_err(|error| match error {
        DiscoveryError::Refused(reason) => reason,
        other => panic!("{other:?}"),
    })
}

/// Checks a document that was found at Nextcloud.
fn check(settings: &[(&str, &str)], document: Value) -> Result<Checked, String> {
    check_at(
        &rules(settings),
        document,
        &format!("{HOST}/.well-known/openid-configuration"),
    )
}

/// Checks a document that was found at the other provider.
fn check_external(settings: &[(&str, &str)], document: Value) -> Result<Checked, String> {
    let discovery = format!("{IDP}/.well-known/openid-configuration");
    let mut all = vec![("OIDC_DISCOVERY_URL", discovery.as_str())];
    all.extend_from_slice(settings);
    check_at(&rules(&all), document, &discovery)
}

#[test]
fn the_oidc_app_of_the_configured_nextcloud_is_known_as_such() {
    let checked = check(&[], document(HOST)).unwrap();
    assert!(checked.metadata.is_own_nextcloud);
    assert_eq!(checked.client_auth_method, ClientAuthMethod::Basic);
    assert!(checked.metadata.accepts_issuer(HOST) && checked.metadata.accepts_issuer(&format!("{HOST}/")));
    assert!(
        !checked
            .metadata
            .accepts_issuer("https://cloud.example.test.evil.test")
    );
    assert!(checked.metadata.revocation_endpoint.is_none());
}

#[test]
fn endpoints_are_asked_at_the_internal_address_and_shown_at_the_public_one() {
    let settings = [("NEXTCLOUD_PUBLIC_URL", "https://public.example.test")];
    for told in [HOST, "https://public.example.test"] {
        let metadata = check(&settings, document(told)).unwrap().metadata;
        assert_eq!(
            metadata.token_endpoint.as_str(),
            format!("{HOST}/apps/oidc/token")
        );
        assert_eq!(metadata.jwks_uri.as_str(), format!("{HOST}/apps/oidc/jwks"));
        assert_eq!(
            metadata.authorization_endpoint.as_str(),
            "https://public.example.test/apps/oidc/authorize"
        );
        // Tokens name the host that the token request went to (facts §0 row 6).
        for issuer in [
            HOST,
            "https://public.example.test",
            "https://public.example.test/",
        ] {
            assert!(metadata.accepts_issuer(issuer), "{issuer}");
        }
    }
}

#[test]
fn listed_issuers_are_accepted_in_tokens() {
    let listed = [(
        "OIDC_ACCEPTED_ISSUERS",
        "http://localhost, https://old.example.test/",
    )];
    let metadata = check(&listed, document(HOST)).unwrap().metadata;
    for issuer in [
        "http://localhost",
        "http://localhost/",
        "https://old.example.test",
    ] {
        assert!(metadata.accepts_issuer(issuer), "{issuer}");
    }
}

#[test]
fn j10_an_issuer_that_is_not_the_configured_one_is_refused() {
    let other = "https://other.example.test";
    let reason = check(&[], document(other)).unwrap_err();
    assert!(
        reason.contains(other) && reason.contains("NEXTCLOUD_PUBLIC_ISSUER_URL"),
        "{reason}"
    );
    assert!(check(&[("NEXTCLOUD_PUBLIC_ISSUER_URL", other)], document(other)).is_ok());
    assert!(check(&[("OIDC_ACCEPTED_ISSUERS", other)], document(other)).is_ok());

    assert!(!check_external(&[], external()).unwrap().metadata.is_own_nextcloud);
    let neighbour = with(
        external(),
        "issuer",
        json!("https://idp.example.test/other-realm"),
    );
    assert!(check_external(&[], neighbour.clone()).is_err());
    let listed = [("OIDC_ACCEPTED_ISSUERS", "https://idp.example.test/other-realm")];
    assert!(check_external(&listed, neighbour).is_ok());
}

#[test]
fn the_path_of_rfc_8414_names_the_same_issuer() {
    for at in [
        "https://idp.example.test/.well-known/openid-configuration/realm",
        "https://idp.example.test/.well-known/oauth-authorization-server/realm",
    ] {
        assert!(
            check_at(&rules(&[("OIDC_DISCOVERY_URL", at)]), external(), at).is_ok(),
            "{at}"
        );
    }
}

#[test]
fn j10_a_plain_http_issuer_is_refused_unless_it_is_near_or_listed() {
    let remote = "http://cloud.example.test";
    let reason = check(&[("NEXTCLOUD_PUBLIC_URL", remote)], document(remote)).unwrap_err();
    assert!(reason.contains("plain http"), "{reason}");
    assert!(check(&[("OIDC_ACCEPTED_ISSUERS", remote)], document(remote)).is_ok());
    for near in [
        "http://nextcloud:8080",
        "http://127.0.0.1:8080",
        "http://localhost",
        "http://[::1]:80",
    ] {
        let rules = DiscoveryRules::new(&config(near, &[]));
        let at = format!("{near}/.well-known/openid-configuration");
        assert!(check_at(&rules, document(near), &at).is_ok(), "{near}");
    }
}

#[test]
fn j10_an_endpoint_on_another_origin_is_refused() {
    for name in [
        "authorization_endpoint",
        "token_endpoint",
        "jwks_uri",
        "introspection_endpoint",
        "userinfo_endpoint",
        "revocation_endpoint",
        "registration_endpoint",
    ] {
        for elsewhere in [
            "https://evil.example.test/apps/oidc/token",
            "http://cloud.example.test/apps/oidc/token",
            "https://cloud.example.test:8443/apps/oidc/token",
            "https://user:word@cloud.example.test/apps/oidc/token",
            "javascript:alert(1)",
            "/apps/oidc/token",
        ] {
            let reason = check(&[], with(document(HOST), name, json!(elsewhere))).unwrap_err();
            assert!(reason.contains(name), "{reason}");
        }
    }
    let split = with(external(), "jwks_uri", json!("https://keys.example.test/jwks"));
    assert!(check_external(&[], split.clone()).is_err());
    assert!(check_external(&[("OIDC_ACCEPTED_ISSUERS", "https://keys.example.test")], split).is_ok());
}

#[test]
fn o07_a_provider_without_s256_is_refused_with_the_fix() {
    for methods in [json!(["plain"]), json!([])] {
        let without = with(document(HOST), "code_challenge_methods_supported", methods);
        let reason = check(&[], without).unwrap_err();
        assert!(reason.contains("S256") && reason.contains("oidc"), "{reason}");
    }
    let mut silent = external();
    silent
        .as_object_mut()
        .unwrap()
        .remove("code_challenge_methods_supported");
    assert!(check_external(&[], silent).is_err());
}

#[test]
fn another_provider_under_nextclouds_host_name_is_not_its_oidc_app() {
    let at = format!("{HOST}/realm/.well-known/openid-configuration");
    let mut keycloak = external();
    for (_name, value) in keycloak.as_object_mut().unwrap() {
        if let Some(text) = value.as_str() {
            *value = json!(text.replace("https://idp.example.test", HOST));
        }
    }
    let checked = check_at(&rules(&[("OIDC_DISCOVERY_URL", &at)]), keycloak, &at).unwrap();
    assert!(!checked.metadata.is_own_nextcloud);
}

#[test]
fn a_document_that_lacks_something_says_what() {
    let mut lacking = document(HOST);
    lacking.as_object_mut().unwrap().remove("jwks_uri");
    assert!(check(&[], lacking).unwrap_err().contains("jwks_uri"));
}

#[test]
fn the_body_is_used_for_the_secret_only_where_the_header_is_not_known() {
    let method = |methods: Value| {
        let told = with(external(), "token_endpoint_auth_methods_supported", methods);
        check_external(&[], told).unwrap().client_auth_method
    };
    assert_eq!(method(json!(["client_secret_post"])), ClientAuthMethod::Post);
    assert_eq!(
        method(json!(["client_secret_post", "client_secret_basic"])),
        ClientAuthMethod::Basic
    );
    assert_eq!(method(json!(["private_key_jwt"])), ClientAuthMethod::Basic);
    assert_eq!(
        check_external(&[], external()).unwrap().client_auth_method,
        ClientAuthMethod::Basic
    );
}

#[test]
fn introspection_is_asked_as_the_token_endpoint_unless_it_knows_the_other_way_only() {
    let method = |token: Value, introspection: Option<Value>| {
        let mut told = with(external(), "token_endpoint_auth_methods_supported", token);
        if let Some(methods) = introspection {
            told = with(told, "introspection_endpoint_auth_methods_supported", methods);
        }
        check_external(&[], told).unwrap().introspection_auth_method
    };
    let (post, basic) = (json!(["client_secret_post"]), json!(["client_secret_basic"]));
    assert_eq!(method(post.clone(), None), ClientAuthMethod::Post);
    assert_eq!(method(basic.clone(), Some(post.clone())), ClientAuthMethod::Post);
    assert_eq!(method(post.clone(), Some(basic.clone())), ClientAuthMethod::Basic);
    let both = json!(["client_secret_basic", "client_secret_post"]);
    assert_eq!(method(post, Some(both)), ClientAuthMethod::Post);
    let neither = json!(["private_key_jwt"]);
    assert_eq!(method(basic, Some(neither)), ClientAuthMethod::Basic);
}

async fn fetch(router: Router) -> Result<Found, DiscoveryError> {
    let base = serve(router).await;
    DiscoveryRules::new(&config(&base, &[]))
        .fetch(&http_client())
        .await
}

#[tokio::test]
async fn the_well_known_address_may_redirect_or_be_missing() {
    let route = "/index.php/apps/oidc/openid-configuration";
    let answer = || async { axum::Json(document("http://cloud")) };
    let redirected = Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(|| async { Redirect::permanent("/index.php/.well-known/openid-configuration") }),
        )
        .route("/index.php/.well-known/openid-configuration", get(answer));
    assert!(fetch(redirected).await.is_ok());
    assert!(fetch(Router::new().route(route, get(answer))).await.is_ok());
    let page = Router::new()
        .route("/.well-known/openid-configuration", get(|| async { "<html>" }))
        .route(route, get(answer));
    assert!(fetch(page).await.unwrap().at.path().starts_with("/index.php/"));
}

#[tokio::test]
async fn a_provider_that_is_away_differs_from_one_that_is_not_there() {
    let nowhere = fetch(Router::new()).await.unwrap_err();
    assert!(
        matches!(&nowhere, DiscoveryError::NotThere(text) if text.contains("HTTP 404")),
        "{nowhere}"
    );
    let maintenance = Router::new().route(
        "/.well-known/openid-configuration",
        get(|| async { StatusCode::SERVICE_UNAVAILABLE }),
    );
    assert!(matches!(fetch(maintenance).await, Err(DiscoveryError::Away(_))));
}

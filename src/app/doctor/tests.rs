//! The whole walk against a stand-in Nextcloud and a real database.

use super::*;
use crate::auth::oidc::testing::serve;
use crate::config::{CliOverrides, EncryptionConfig, Environment};
use crate::crypto::{EnvelopeContext, Keyring};
use crate::entropy::SystemEntropy;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, PgPool};
use std::sync::Arc;
use zeroize::Zeroizing;

const TOKEN: &str = "a-live-access-token";
/// Base64 of the bytes 0 to 31.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn ocs(data: &Value) -> Json<Value> {
    Json(json!({"ocs": {"meta": {"status": "ok", "statuscode": 200, "message": "OK"}, "data": data}}))
}

/// A Nextcloud without the OAuth apps.
fn bare() -> Router {
    let status = json!({"installed": true, "maintenance": false, "versionstring": "34.0.1"});
    Router::new()
        .route("/status.php", get(|| async move { Json(status) }))
        .route(
            "/ocs/v2.php/cloud/capabilities",
            get(|| async {
                ocs(&json!({"capabilities": {"bruteforce": {"delay": 0, "allow-listed": false}}}))
            }),
        )
}

/// With the app `oidc` at `base`; `accepts_bearer`: and with bearer validation.
fn with_oidc(base: &str, accepts_bearer: bool) -> Router {
    let document = json!({
        "issuer": base,
        "authorization_endpoint": format!("{base}/apps/oidc/authorize"),
        "token_endpoint": format!("{base}/apps/oidc/token"),
        "introspection_endpoint": format!("{base}/apps/oidc/introspect"),
        "jwks_uri": format!("{base}/apps/oidc/jwks"),
        "code_challenge_methods_supported": ["S256"],
    });
    bare()
        .route(
            "/.well-known/openid-configuration",
            get(|| async move { Json(document) }),
        )
        .route(
            "/apps/oidc/jwks",
            get(|| async { Json(json!({"keys": [{"kty": "RSA"}]})) }),
        )
        .route(
            "/apps/oidc/introspect",
            post(|| async { Json(json!({"active": false})) }),
        )
        .route(
            "/ocs/v2.php/cloud/user",
            get(move |headers: HeaderMap| async move {
                let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
                if accepts_bearer && authorization == Some(&format!("Bearer {TOKEN}")) {
                    Ok(ocs(&json!({"id": "alice"})))
                } else {
                    Err(StatusCode::UNAUTHORIZED)
                }
            }),
        )
}

/// Serves what `router` makes of its own address.
async fn serve_at(router: impl FnOnce(&str) -> Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let router = router(&base);
    tokio::spawn(async move { axum::serve(listener, router).await });
    base
}

fn hybrid(host: &str, pool: &PgPool, more: &[(&str, &str)]) -> Config {
    let database = pool.connect_options().to_url_lossy().to_string();
    let mut pairs = vec![
        ("ENABLE_MULTI_USER_BASIC_AUTH", "true"),
        ("ENABLE_OFFLINE_ACCESS", "true"),
        ("TOKEN_ENCRYPTION_KEY", KEY),
        ("EMBEDDING_PROVIDER", "none"),
        ("NEXTCLOUD_HOST", host),
        ("DATABASE_URL", &database),
    ];
    pairs.extend_from_slice(more);
    Config::load(&Environment::from_pairs(pairs), &CliOverrides::default()).unwrap()
}

fn named<'a>(findings: &'a [Finding], name: &str) -> &'a Finding {
    findings
        .iter()
        .find(|finding| finding.name == name)
        .unwrap_or_else(|| panic!("no {name} in {findings:#?}"))
}

/// A consent whose tokens are known for a month, as the broker stores it.
async fn consent(pool: &PgPool) {
    let config = EncryptionConfig {
        current: Zeroizing::new(std::array::from_fn(|byte| u8::try_from(byte).unwrap())),
        previous: None,
    };
    let keyring = Keyring::new(&config, Arc::new(SystemEntropy));
    let seal = |column| {
        let context = EnvelopeContext {
            user: "alice",
            table: "grants",
            column,
        };
        keyring.seal(context, &SecretString::from(TOKEN))
    };
    sqlx::query("insert into users (uid) values ('alice')")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query(
        "insert into grants (uid, issuer, subject, client_id, scopes, refresh_token, access_token, access_expires_at,
                             refresh_expires_at, state_since, provisioned_at)
         values ('alice', 'i', 'alice', 'c', '{openid}', $1, $2, now() + interval '10 minutes',
                 now() + interval '30 minutes', now(), now())",
    )
    .bind(seal("refresh_token"))
    .bind(seal("access_token"))
    .execute(pool)
    .await
    .unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn a_bare_nextcloud_gets_every_line_to_type(pool: PgPool) {
    let host = serve(bare()).await;
    let findings = examine(&hybrid(&host, &pool, &[])).await;
    for (name, state, line) in [
        (
            "brute-force",
            State::Warning,
            "occ config:app:set bruteForce whitelist_0 --value 127.0.0.1/32",
        ),
        ("identity provider", State::Problem, "occ app:install oidc"),
        ("oauth client", State::Skipped, "occ oidc:create"),
        (
            "bearer validation",
            State::Skipped,
            "occ config:system:set user_oidc oidc_provider_bearer_validation --value true --type boolean",
        ),
        (
            "refresh lifetime",
            State::Skipped,
            "occ config:app:set oidc refresh_expire_time",
        ),
        ("background jobs", State::Skipped, "occ background:cron"),
        (
            "consents",
            State::Skipped,
            "http://localhost:8000/oauth/authorize-nextcloud",
        ),
    ] {
        let finding = named(&findings, name);
        assert_eq!(finding.state, state, "{finding:?}");
        assert!(finding.fix.as_ref().unwrap().contains(line), "{finding:?}");
    }
    for name in ["nextcloud", "database", "extensions", "encryption key"] {
        assert_eq!(named(&findings, name).state, State::Ok, "{name}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn a_finished_set_up_is_confirmed_and_nothing_is_changed(pool: PgPool) {
    consent(&pool).await;
    let host = serve_at(|base| with_oidc(base, true)).await;
    let client = [
        ("NEXTCLOUD_OIDC_CLIENT_ID", "abc"),
        ("NEXTCLOUD_OIDC_CLIENT_SECRET", "secret"),
    ];
    let findings = examine(&hybrid(&host, &pool, &client)).await;
    for name in [
        "identity provider",
        "signing keys",
        "oauth client",
        "bearer validation",
        "consents",
    ] {
        let finding = named(&findings, name);
        assert_eq!(finding.state, State::Ok, "{finding:?}");
    }
    assert_eq!(named(&findings, "refresh lifetime").state, State::Warning);
    assert!(!format!("{findings:?}").contains(TOKEN));
    let check: Option<String> = sqlx::query_scalar("select encryption_check from installation")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(check, None, "the check row is written by a server only");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refused_live_token_is_a_problem(pool: PgPool) {
    consent(&pool).await;
    let host = serve_at(|base| with_oidc(base, false)).await;
    let findings = examine(&hybrid(&host, &pool, &[])).await;
    assert_eq!(named(&findings, "bearer validation").state, State::Problem);
    assert_eq!(named(&findings, "oauth client").state, State::Problem);
}

#[tokio::test]
async fn without_a_database_the_rest_is_checked() {
    let host = serve(bare()).await;
    let pool = PgPool::connect_lazy("postgres://nobody:nothing@127.0.0.1:1/none").unwrap();
    let findings = examine(&hybrid(&host, &pool, &[])).await;
    let database = named(&findings, "database");
    assert_eq!(database.state, State::Problem);
    assert!(!database.detail.contains("nothing"), "{database:?}");
    assert_eq!(named(&findings, "nextcloud").state, State::Ok);
    assert_eq!(named(&findings, "identity provider").state, State::Skipped);
}

#[sqlx::test(migrations = "./migrations")]
async fn one_cause_is_told_once(pool: PgPool) {
    let findings = examine(&hybrid("http://127.0.0.1:1", &pool, &[])).await;
    let problems: Vec<_> = findings
        .iter()
        .filter(|finding| finding.state == State::Problem)
        .map(|finding| finding.name)
        .collect();
    assert_eq!(problems, ["nextcloud"]);
}

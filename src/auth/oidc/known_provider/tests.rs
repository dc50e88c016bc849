use super::super::testing::{SigningKey, config, http_client, serve};
use super::super::{Claims, verify_jws};
use super::*;
use crate::auth::testing::manual_clock;
use crate::clock::ManualClock;
use crate::entropy::SystemEntropy;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A provider whose answers a test changes.
#[derive(Default)]
struct Stand {
    base: Mutex<String>,
    issuer: Mutex<Option<String>>,
    keys: Mutex<Vec<Value>>,
    away: Mutex<bool>,
    asked_for_keys: AtomicUsize,
}

impl Stand {
    async fn start() -> Arc<Self> {
        let stand = Arc::new(Self::default());
        stand.publish(SigningKey::first().jwk("one"));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&stand));
        *stand.base.lock().unwrap() = serve(router).await;
        stand
    }

    fn publish(&self, key: Value) {
        *self.keys.lock().unwrap() = vec![key];
    }

    fn set_away(&self, away: bool) {
        *self.away.lock().unwrap() = away;
    }

    fn asked_for_keys(&self) -> usize {
        self.asked_for_keys.load(Ordering::SeqCst)
    }

    fn provider(&self, pool: &PgPool, clock: &Arc<ManualClock>) -> Arc<KnownProvider> {
        Arc::new(KnownProvider::new(
            &config(&self.base.lock().unwrap(), &[]),
            http_client(),
            pool.clone(),
            clock.clone(),
            Arc::new(SystemEntropy),
        ))
    }
}

async fn answer(State(stand): State<Arc<Stand>>, request: Request) -> Response {
    if *stand.away.lock().unwrap() {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let base = stand.base.lock().unwrap().clone();
    match request.uri().path() {
        "/.well-known/openid-configuration" => Json(json!({
            "issuer": stand.issuer.lock().unwrap().as_ref().unwrap_or(&base),
            "authorization_endpoint": format!("{base}/apps/oidc/authorize"),
            "token_endpoint": format!("{base}/apps/oidc/token"),
            "jwks_uri": format!("{base}/apps/oidc/jwks"),
            "code_challenge_methods_supported": ["S256"],
        }))
        .into_response(),
        "/apps/oidc/jwks" => {
            stand.asked_for_keys.fetch_add(1, Ordering::SeqCst);
            Json(json!({"keys": *stand.keys.lock().unwrap()})).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn verified(provider: &KnownProvider, key: &SigningKey, kid: &str) -> Option<Claims> {
    let token = key.sign(kid, &json!({"sub": "alice"}));
    verify_jws(&token, provider).await.ok().map(|(_, claims)| claims)
}

#[sqlx::test(migrations = "./migrations")]
async fn nobody_waits_and_nothing_is_sent_until_it_runs(pool: PgPool) {
    let stand = Stand::start().await;
    let provider = stand.provider(&pool, &manual_clock());
    let problem = provider.metadata().unwrap_err();
    assert!(problem.to_string().contains("not answered yet"), "{problem}");
    assert!(provider.keys(true).await.is_err());
    assert_eq!(stand.asked_for_keys(), 0);
    assert_eq!(provider.step().await, REFRESH);
    assert!(provider.metadata().unwrap().is_own_nextcloud);
    assert!(verified(&provider, SigningKey::first(), "one").await.is_some());
    assert_eq!(stand.asked_for_keys(), 1, "the keys came with the first step");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_provider_that_is_away_is_asked_again_and_its_last_document_stays(pool: PgPool) {
    let stand = Stand::start().await;
    let provider = stand.provider(&pool, &manual_clock());
    stand.set_away(true);
    assert!(provider.step().await <= FIRST_PAUSE);
    assert!(matches!(
        provider.metadata(),
        Err(ProviderProblem::Unreachable(_))
    ));
    stand.set_away(false);
    assert_eq!(provider.step().await, REFRESH);
    stand.set_away(true);
    for _ in 0..10 {
        assert!(provider.step().await <= LONGEST_PAUSE);
    }
    assert!(provider.metadata().is_ok());
    assert!(verified(&provider, SigningKey::first(), "one").await.is_some());
}

/// Fault case J10: what turns wrong while the server runs counts too.
#[sqlx::test(migrations = "./migrations")]
async fn j10_a_document_that_turned_wrong_is_told_and_no_longer_used(pool: PgPool) {
    let stand = Stand::start().await;
    let provider = stand.provider(&pool, &manual_clock());
    provider.step().await;
    *stand.issuer.lock().unwrap() = Some("https://evil.example.test".to_owned());
    assert!(provider.step().await >= OPERATOR_PAUSE);
    let problem = provider.metadata().unwrap_err();
    assert!(
        matches!(&problem, ProviderProblem::Refused(reason) if reason.contains("evil.example.test")),
        "{problem}"
    );
    *stand.issuer.lock().unwrap() = None;
    provider.step().await;
    assert!(provider.metadata().is_ok());
}

#[sqlx::test(migrations = "./migrations")]
async fn j06_a_new_key_is_fetched_once_and_unknown_ids_choose_no_rate(pool: PgPool) {
    let stand = Stand::start().await;
    let clock = manual_clock();
    let provider = stand.provider(&pool, &clock);
    provider.step().await;
    stand.publish(SigningKey::second().jwk("two"));
    assert!(verified(&provider, SigningKey::second(), "two").await.is_none());
    assert_eq!(stand.asked_for_keys(), 1, "within ten seconds nobody asks again");
    clock.advance(Duration::from_secs(10));
    let attempts = (0..20).map(|_| verified(&provider, SigningKey::second(), "two"));
    let outcomes = futures::future::join_all(attempts).await;
    assert!(outcomes.iter().all(Option::is_some));
    assert_eq!(stand.asked_for_keys(), 2, "one request for twenty tasks");
    assert!(verified(&provider, SigningKey::first(), "one").await.is_none());
}

#[sqlx::test(migrations = "./migrations")]
async fn keys_and_document_outlive_a_restart_while_the_provider_is_away(pool: PgPool) {
    let stand = Stand::start().await;
    let clock = manual_clock();
    stand.provider(&pool, &clock).step().await;
    stand.set_away(true);
    clock.advance(Duration::from_hours(23));
    let restarted = stand.provider(&pool, &clock);
    restarted.step().await;
    assert!(restarted.metadata().is_ok());
    assert!(verified(&restarted, SigningKey::first(), "one").await.is_some());
    assert!(
        matches!(restarted.keys(true).await, Err(ProviderProblem::Unreachable(_))),
        "whether an unknown key exists cannot be told now"
    );
    clock.advance(Duration::from_hours(1));
    assert!(verified(&restarted, SigningKey::first(), "one").await.is_none());
    let next = stand.provider(&pool, &clock);
    next.step().await;
    assert!(next.metadata().is_err(), "a day is the end of it");
}

#[sqlx::test(migrations = "./migrations")]
async fn running_ends_with_the_server(pool: PgPool) {
    let stand = Stand::start().await;
    let provider = stand.provider(&pool, &manual_clock());
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    provider.run(shutdown).await;
}

#[test]
fn the_pause_doubles_up_to_a_minute_and_is_all_jitter() {
    let away = DiscoveryError::Away(String::new());
    let full: Vec<u64> = (1..=8)
        .map(|failures| pause_after(&away, failures, 1.0).as_secs())
        .collect();
    assert_eq!(full, [1, 2, 4, 8, 16, 32, 60, 60]);
    assert_eq!(pause_after(&away, u32::MAX, 0.5), LONGEST_PAUSE / 2);
    assert_eq!(pause_after(&away, 5, 0.0), SHORTEST_PAUSE);
    for slow in [
        DiscoveryError::NotThere(String::new()),
        DiscoveryError::Refused(String::new()),
    ] {
        assert_eq!(pause_after(&slow, 1, 0.0), OPERATOR_PAUSE);
        assert_eq!(pause_after(&slow, 1, 1.0), LONGEST_PAUSE);
    }
}

//! Flows are taken once, hold no secrets, and nobody fills the table.

use super::*;
use crate::auth::consent::tests::keyring;
use crate::auth::testing::{client, manual_clock};
use crate::clock::{Clock, ManualClock};
use crate::entropy::SystemEntropy;
use secrecy::ExposeSecret;
use std::sync::Arc;
use std::time::Duration;

fn token() -> BrowserToken {
    BrowserToken::random(&SystemEntropy)
}

fn store(pool: &PgPool) -> (FlowStore, Arc<ManualClock>) {
    let clock = manual_clock();
    (FlowStore::new(pool.clone(), keyring(), clock.clone()), clock)
}

fn consent(expected: Option<&str>) -> FlowPurpose {
    FlowPurpose::Consent {
        expected: expected.map(UserId::new),
        return_to: Some("https://cloud.example.org/".into()),
        caller_state: Some("theirs".into()),
    }
}

async fn begin(store: &FlowStore, purpose: &FlowPurpose, browser: &BrowserToken, from: u8) -> BrowserToken {
    begin_at(store, purpose, browser, client(from)).await.unwrap()
}

async fn begin_at(
    store: &FlowStore,
    purpose: &FlowPurpose,
    browser: &BrowserToken,
    address: IpAddr,
) -> Result<BrowserToken, FlowStoreError> {
    let state = token();
    let flow = NewFlow {
        purpose,
        client_id: "client",
        nonce: &token(),
        code_verifier: &SecretString::from(token().expose()),
        browser,
        address: Some(address),
    };
    store.begin(&state, &flow).await.map(|()| state)
}

async fn rows(pool: &PgPool) -> i64 {
    sqlx::query_scalar!(r#"select count(*) as "count!" from oauth_flows"#)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn o01_a_flow_is_taken_once_and_by_its_browser_only(pool: PgPool) {
    let (store, clock) = store(&pool);
    let (own, other) = (token(), token());
    let state = begin(&store, &consent(Some("alice")), &own, 1).await;
    let flow = store.take(&state, Some(&own)).await.unwrap().unwrap();
    assert_eq!(flow.purpose, consent(Some("alice")));
    assert_eq!(flow.client_id, "client");
    assert_eq!(flow.code_verifier.expose_secret().len(), 43);
    assert!(
        store.take(&state, Some(&own)).await.unwrap().is_none(),
        "replayed"
    );

    let state = begin(&store, &consent(None), &own, 1).await;
    assert!(store.take(&state, Some(&other)).await.unwrap().is_none());
    assert_eq!(rows(&pool).await, 0, "the row is gone");
    let state = begin(&store, &consent(None), &own, 1).await;
    assert!(store.take(&state, None).await.unwrap().is_none());

    let state = begin(&store, &consent(None), &own, 1).await;
    clock.advance(Duration::from_mins(10));
    assert!(store.take(&state, Some(&own)).await.unwrap().is_none(), "expired");
    assert!(
        store.take(&token(), Some(&own)).await.unwrap().is_none(),
        "unknown"
    );
    assert_eq!(rows(&pool).await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn t01_the_row_holds_neither_state_nor_cookie_nor_verifier(pool: PgPool) {
    let (store, _clock) = store(&pool);
    let (state, browser, verifier) = (token(), token(), token());
    let flow = NewFlow {
        purpose: &FlowPurpose::Login { next: "/app".into() },
        client_id: "client",
        nonce: &token(),
        code_verifier: &SecretString::from(verifier.expose()),
        browser: &browser,
        address: None,
    };
    store.begin(&state, &flow).await.unwrap();
    let row = sqlx::query_scalar!(r#"select t::text as "row!" from oauth_flows t"#)
        .fetch_one(&pool)
        .await
        .unwrap();
    for secret in [&state, &browser, &verifier] {
        assert!(!row.contains(secret.expose()), "{row}");
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn anonymous_flows_are_capped_and_take_nobody_elses_place(pool: PgPool) {
    let (store, clock) = store(&pool);
    let browser = token();
    let linked = begin(&store, &consent(Some("alice")), &browser, 1).await;
    let first = begin(&store, &consent(None), &browser, 1).await;
    let other = begin(&store, &consent(None), &browser, 2).await;
    for _ in 1..ANONYMOUS_FLOWS_PER_ADDRESS {
        begin(&store, &consent(None), &token(), 1).await;
    }
    let refused = begin_at(&store, &consent(None), &token(), client(1)).await;
    assert!(matches!(refused, Err(FlowStoreError::TooMany)), "{refused:?}");
    begin(&store, &consent(Some("bob")), &token(), 1).await;
    assert_eq!(rows(&pool).await, ANONYMOUS_FLOWS_PER_ADDRESS + 3);
    assert!(
        store.take(&first, Some(&browser)).await.unwrap().is_some(),
        "the oldest stays"
    );
    assert!(store.take(&other, Some(&browser)).await.unwrap().is_some());
    assert!(store.take(&linked, Some(&browser)).await.unwrap().is_some());
    begin(&store, &consent(None), &token(), 1).await;

    clock.advance(Duration::from_mins(10));
    begin(&store, &consent(None), &browser, 1).await;
    assert_eq!(rows(&pool).await, 1, "expired rows are swept");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_browser_that_begins_again_and_again_fills_nothing(pool: PgPool) {
    let (store, clock) = store(&pool);
    let browser = token();
    let first = begin(&store, &consent(None), &browser, 1).await;
    for _ in 0..ANONYMOUS_FLOWS_PER_ADDRESS {
        clock.advance(Duration::from_secs(1));
        begin(&store, &consent(None), &browser, 1).await;
    }
    assert_eq!(rows(&pool).await, ANONYMOUS_FLOWS_PER_BROWSER);
    assert!(store.take(&first, Some(&browser)).await.unwrap().is_none());
}

#[sqlx::test(migrations = "./migrations")]
async fn the_addresses_of_one_host_are_one_and_a_proxys_is_nobodys(pool: PgPool) {
    let (store, _clock) = store(&pool);
    let host = |number: i64| -> IpAddr { format!("2001:db8::{number:x}").parse().unwrap() };
    for number in 0..ANONYMOUS_FLOWS_PER_ADDRESS {
        begin_at(&store, &consent(None), &token(), host(number))
            .await
            .unwrap();
    }
    let refused = begin_at(&store, &consent(None), &token(), host(0xffff)).await;
    assert!(matches!(refused, Err(FlowStoreError::TooMany)), "{refused:?}");
    for _ in 0..=ANONYMOUS_FLOWS_PER_ADDRESS {
        begin_at(&store, &consent(None), &token(), [127, 0, 0, 1].into())
            .await
            .unwrap();
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn whoever_has_most_flows_gives_way_when_there_are_too_many(pool: PgPool) {
    let (store, clock) = store(&pool);
    let browser = token();
    let early = begin(&store, &consent(None), &browser, 1).await;
    sqlx::query(
        "insert into oauth_flows (state_hash, kind, browser_hash, client_id, nonce, code_verifier, client_address,
                                  created_at, expires_at)
         select sha256(n::text::bytea), 'login', sha256(n::text::bytea), 'c', 'n', 'v', '127.0.0.1',
                $1::timestamptz + interval '1 second', $1::timestamptz + interval '10 minutes'
         from generate_series(1, 999) n",
    )
    .bind(clock.now())
    .execute(&pool)
    .await
    .unwrap();
    begin(&store, &consent(None), &token(), 2).await;
    assert_eq!(rows(&pool).await, ANONYMOUS_FLOWS);
    assert!(store.take(&early, Some(&browser)).await.unwrap().is_some());
}

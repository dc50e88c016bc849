//! One refresh, whoever asks and whatever crashes.

use crate::auth::CredentialError;
use crate::auth::grants::testing::{Next, World};
use crate::auth::grants::{GrantUpkeep, TokenBroker};
use crate::ids::UserId;
use secrecy::ExposeSecret;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::Notify;

/// A pool of its own, as another process has.
async fn second_pool(pool: &PgPool) -> PgPool {
    PgPoolOptions::new()
        .max_connections(8)
        .connect_with(pool.connect_options().as_ref().clone())
        .await
        .unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn t07_fifty_tasks_in_two_processes_refresh_an_expired_grant_once(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    let other = world.process(&second_pool(&world.pool).await);
    world.advance(1_000);
    let brokers = [world.grants.broker.clone(), other.broker];
    let tasks: Vec<_> = (0..50)
        .map(|n| {
            let broker: TokenBroker = brokers[n % 2].clone();
            tokio::spawn(async move { broker.access_token(&UserId::new("alice")).await })
        })
        .collect();
    let mut tokens = BTreeSet::new();
    for task in tasks {
        tokens.insert(task.await.unwrap().unwrap().expose_secret().to_owned());
    }
    assert_eq!(world.provider.count(), 1);
    assert_eq!(tokens.into_iter().collect::<Vec<_>>(), ["at-alice-2"]);
    assert!(world.provider.is_live("rt-alice-2"));
    assert_eq!(world.state().await.0, "active");
}

#[sqlx::test(migrations = "./migrations")]
async fn t01_rows_hold_no_plaintext(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    let row = "select refresh_token || ' ' || access_token from grants";
    let first = world.one::<String>(row).await;
    world.advance(1_000);
    world.token("alice").await.unwrap();
    let second = world.one::<String>(row).await;
    for text in [&first, &second] {
        assert!(text.starts_with("v1.") && !text.contains("-alice-"), "{text}");
    }
    assert_ne!(first, second);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_good_token_is_handed_out_without_asking_anybody(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(839);
    assert_eq!(world.token("alice").await.unwrap(), "at-alice-1");
    assert_eq!(world.provider.count(), 0);
    world.advance(2);
    assert_eq!(world.token("alice").await.unwrap(), "at-alice-2");
}

#[sqlx::test(migrations = "./migrations")]
async fn tokens_that_end_at_once_are_not_asked_for_again_and_again(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(1_000);
    for _ in 0..3 {
        world.provider.script(Next::Answer(|answer| {
            answer.expires_in = Some(std::time::Duration::from_nanos(1));
        }));
    }
    let ended = world.token("alice").await;
    assert!(matches!(ended, Err(CredentialError::Temporary(_))), "{ended:?}");
    assert_eq!(world.provider.count(), 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn t09_a_crash_after_the_answer_costs_one_consent_and_is_detected(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(1_000);
    world.provider.script(Next::HangAfter);
    let crashing = world.grants.broker.clone();
    let task = tokio::spawn(async move { crashing.access_token(&UserId::new("alice")).await });
    world.provider.asked.notified().await;
    task.abort();
    assert_eq!(world.state().await.0, "refreshing");

    let next = world.process(&world.pool);
    assert!(!next.upkeep.due().await.unwrap().refreshes, "the lease stands");
    world.advance(61);
    let alice = UserId::new("alice");
    let status = crate::auth::access::UserAccess::status(next.access.as_ref(), &alice).await;
    assert_eq!(
        status.unwrap().state,
        crate::auth::access::CredentialState::Uncertain,
        "seen before anybody tries"
    );
    assert!(next.upkeep.due().await.unwrap().refreshes);
    assert_eq!(next.upkeep.refresh_due(10).await.unwrap(), 1);
    let (state, reason) = world.state().await;
    assert_eq!(state, "reauth_required");
    assert!(reason.unwrap().contains("cut short"));
    assert_eq!(world.trail().await, ["consent", "refresh_failed"]);
    let tried = world.provider.count();
    assert!(world.token("alice").await.is_err());
    assert_eq!(next.upkeep.refresh_due(10).await.unwrap(), 0);
    assert_eq!(world.provider.count(), tried, "a dead grant is never tried again");

    world.consent("alice").await;
    assert!(world.token("alice").await.is_ok());
}

#[sqlx::test(migrations = "./migrations")]
async fn t09_a_crash_before_the_provider_acted_costs_nothing(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(1_000);
    world.provider.script(Next::HangBefore);
    let crashing = world.grants.broker.clone();
    let task = tokio::spawn(async move { crashing.access_token(&UserId::new("alice")).await });
    world.provider.asked.notified().await;
    task.abort();
    world.advance(61);
    let next = world.process(&world.pool);
    assert_eq!(next.upkeep.refresh_due(10).await.unwrap(), 1);
    assert_eq!(world.state().await, ("active".into(), None));
    assert_eq!(world.token("alice").await.unwrap(), "at-alice-2");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_caller_who_goes_away_does_not_cut_a_refresh_short(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(1_000);
    let go = Arc::new(Notify::new());
    world.provider.script(Next::Wait(go.clone()));
    let broker = world.grants.broker.clone();
    let task = tokio::spawn(async move { broker.access_token(&UserId::new("alice")).await });
    world.provider.asked.notified().await;
    task.abort();
    go.notify_one();
    world.grants.broker.finish().await;
    assert_eq!(world.state().await.0, "active");
    assert_eq!(world.token("alice").await.unwrap(), "at-alice-2");
    assert_eq!(world.provider.count(), 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_holder_that_wakes_up_after_a_takeover_writes_nothing(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(1_000);
    let go = Arc::new(Notify::new());
    world.provider.script(Next::Wait(go.clone()));
    let sleeper = world.grants.broker.clone();
    let task = tokio::spawn(async move { sleeper.access_token(&UserId::new("alice")).await });
    world.provider.asked.notified().await;
    world.advance(61);
    let next = world.process(&world.pool);
    next.upkeep.refresh_due(10).await.unwrap();
    let stored = world.one::<String>("select refresh_token from grants").await;
    go.notify_one();
    let _ended = task.await.unwrap();
    let now = world.one::<String>("select refresh_token from grants").await;
    assert_eq!(now, stored, "the sleeper's result was refused");
}

/// As after a database that was away for longer than the lease: the answer is in hand, and another worker has the claim.
#[sqlx::test(migrations = "./migrations")]
async fn a_new_refresh_token_is_stored_over_a_taker_who_has_nothing_yet(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(1_000);
    let (late, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    world.provider.script(Next::AnswerLate(late.clone()));
    let slow = world.grants.broker.clone();
    let slow = tokio::spawn(async move { slow.access_token(&UserId::new("alice")).await });
    world.provider.asked.notified().await;
    world.advance(61);
    let taker = world.process(&world.pool);
    world.provider.script(Next::Wait(go.clone()));
    let taker = tokio::spawn(async move { taker.upkeep.refresh_due(10).await });
    world.provider.asked.notified().await;
    assert_eq!(world.state().await.0, "uncertain");
    late.notify_one();
    let token = slow.await.unwrap().unwrap();
    assert_eq!(token.expose_secret(), "at-alice-2");
    go.notify_one();
    taker.await.unwrap().unwrap();
    assert_eq!(
        world.state().await,
        ("active".into(), None),
        "its refusal is fenced off"
    );
    assert_eq!(world.token("alice").await.unwrap(), "at-alice-2");
    assert_eq!(
        world.one::<i64>("select count(*) from pending_revocations").await,
        0
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn idle_grants_live_on_for_a_simulated_quarter_day(pool: PgPool) {
    let world = World::new(pool);
    let users: Vec<String> = (0..5).map(|n| format!("user{n}")).collect();
    for user in &users {
        world.consent(user).await;
    }
    for _ in 0..6 * 60 {
        world.advance(60);
        while world.grants.upkeep.refresh_due(32).await.unwrap() > 0 {}
    }
    let active = "select count(*) from grants where state = 'active' and consecutive_failures = 0";
    assert_eq!(world.one::<i64>(active).await, 5);
    assert_eq!(world.provider.live(), 5);
    let scopes = "select count(*) from grants where scopes = '{openid,offline_access}'
                  and provisioned_at < refreshed_at - interval '5 hours'";
    assert_eq!(
        world.one::<i64>(scopes).await,
        5,
        "what was consented to survives refreshes"
    );
}

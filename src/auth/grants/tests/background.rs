//! Which credential background work gets, and what a refusal means.

use crate::auth::access::{CredentialState, UserAccess};
use crate::auth::grants::GrantUpkeep;
use crate::auth::grants::testing::{Next, World};
use crate::auth::oidc::TokenFailure;
use crate::auth::{
    AppPasswordStore, CredentialError, CredentialProvider, PgAppPasswordStore, Rejection, StoredAppPassword,
};
use crate::config::EncryptionConfig;
use crate::crypto::Keyring;
use crate::entropy::SystemEntropy;
use crate::ids::{LoginName, UserId};
use sqlx::PgPool;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use zeroize::Zeroizing;

async fn hand_over(world: &World, user: &str) {
    let keys = EncryptionConfig {
        current: Zeroizing::new([7; 32]),
        previous: None,
    };
    let keyring = Keyring::new(&keys, Arc::new(SystemEntropy));
    PgAppPasswordStore::new(world.pool.clone(), keyring, world.clock.clone())
        .put(&StoredAppPassword {
            uid: UserId::new(user),
            login_name: LoginName::new(user),
            password: "handed-over".into(),
            scopes: None,
        })
        .await
        .unwrap();
}

fn opened(world: &World) -> Vec<&'static str> {
    std::mem::take(&mut *world.nextcloud.opened.lock().unwrap())
}

#[sqlx::test(migrations = "./migrations")]
async fn the_grant_where_it_is_alive_else_the_app_password_else_nothing(pool: PgPool) {
    let world = World::new(pool);
    let (alice, credentials) = (UserId::new("alice"), &world.grants.credentials);
    let nothing = credentials.session_for(&alice).await;
    assert!(matches!(nothing, Err(CredentialError::NotProvisioned)));
    hand_over(&world, "alice").await;
    credentials.session_for(&alice).await.unwrap();
    world.consent("alice").await;
    credentials.session_for(&alice).await.unwrap();
    world.advance(900);
    world
        .provider
        .script(Next::Fail(TokenFailure::InvalidGrant("gone".into())));
    credentials.session_for(&alice).await.unwrap();
    assert_eq!(opened(&world), ["basic", "bearer", "basic"]);
    let status = world.grants.access.status(&alice).await.unwrap();
    assert_eq!(
        status.state,
        CredentialState::Active,
        "the app password stands in"
    );

    assert_eq!(credentials.rejected(&alice).await.unwrap(), Rejection::Dropped);
    assert_eq!(world.one::<i64>("select count(*) from app_passwords").await, 0);
    let dead = credentials.session_for(&alice).await;
    assert!(
        matches!(dead, Err(CredentialError::Unusable(_))),
        "why the grant died is told"
    );
    let status = world.grants.access.status(&alice).await.unwrap();
    assert_eq!(status.state, CredentialState::ReauthRequired);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_old_app_password_that_is_refused_does_not_stop_a_user_with_a_grant(pool: PgPool) {
    let world = World::new(pool);
    let (alice, credentials) = (UserId::new("alice"), &world.grants.credentials);
    world.consent("alice").await;
    hand_over(&world, "alice").await;
    world.advance(900);
    world.provider.down.store(true, Ordering::SeqCst);
    credentials.session_for(&alice).await.unwrap();
    assert_eq!(opened(&world), ["basic"], "the app password stands in");
    assert_eq!(credentials.rejected(&alice).await.unwrap(), Rejection::Superseded);
    assert_eq!(world.one::<i64>("select count(*) from app_passwords").await, 0);
    let away = credentials.session_for(&alice).await;
    assert!(
        matches!(away, Err(CredentialError::Temporary(_))),
        "a scan is delayed"
    );
    world.provider.down.store(false, Ordering::SeqCst);
    world.advance(60);
    credentials.session_for(&alice).await.unwrap();
    assert_eq!(opened(&world), ["bearer"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn refused_bearers_do_not_stop_a_user_with_an_app_password(pool: PgPool) {
    let world = World::new(pool);
    let (alice, credentials) = (UserId::new("alice"), &world.grants.credentials);
    world.consent("alice").await;
    hand_over(&world, "alice").await;
    world.nextcloud.refuses_bearers.store(true, Ordering::SeqCst);
    credentials.session_for(&alice).await.unwrap();
    assert_eq!(credentials.rejected(&alice).await.unwrap(), Rejection::Superseded);
    assert_eq!(world.state().await.0, "operator_action_required");
    credentials.session_for(&alice).await.unwrap();
    assert_eq!(opened(&world), ["bearer", "basic"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refused_token_that_was_just_replaced_is_nobodys_fault(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    let (alice, credentials) = (UserId::new("alice"), &world.grants.credentials);
    credentials.session_for(&alice).await.unwrap();
    assert_eq!(credentials.rejected(&alice).await.unwrap(), Rejection::Superseded);
    assert_eq!(world.state().await.0, "active");
    assert_eq!(world.nextcloud.asked.load(Ordering::SeqCst), 1);
}

#[sqlx::test(migrations = "./migrations")]
async fn bearers_that_nextcloud_refuses_are_the_operators_matter_once_an_hour(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.nextcloud.refuses_bearers.store(true, Ordering::SeqCst);
    let (alice, credentials) = (UserId::new("alice"), &world.grants.credentials);
    credentials.session_for(&alice).await.unwrap();
    assert_eq!(credentials.rejected(&alice).await.unwrap(), Rejection::Dropped);
    let (state, reason) = world.state().await;
    assert_eq!(state, "operator_action_required");
    assert!(
        reason
            .unwrap()
            .contains("oidc_provider_bearer_validation --value true --type boolean")
    );
    for _ in 0..59 {
        world.advance(60);
        while world.grants.upkeep.refresh_due(10).await.unwrap() > 0 {}
        assert!(credentials.session_for(&alice).await.is_err());
    }
    assert_eq!(world.nextcloud.asked.load(Ordering::SeqCst), 1, "no loop");
    assert_eq!(world.provider.live(), 1, "the grant is kept alive meanwhile");
    world.nextcloud.refuses_bearers.store(false, Ordering::SeqCst);
    for _ in 0..15 {
        world.advance(60);
        while world.grants.upkeep.refresh_due(10).await.unwrap() > 0 {}
    }
    assert_eq!(world.state().await, ("active".into(), None));
    credentials.session_for(&alice).await.unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn refused_bearers_are_tried_again_after_an_hour_however_long_the_window_is(pool: PgPool) {
    let world = World::new(pool);
    world.provider.endless.store(true, Ordering::SeqCst);
    world.consent("alice").await;
    world.nextcloud.refuses_bearers.store(true, Ordering::SeqCst);
    let (alice, credentials) = (UserId::new("alice"), &world.grants.credentials);
    credentials.session_for(&alice).await.unwrap();
    assert_eq!(credentials.rejected(&alice).await.unwrap(), Rejection::Dropped);
    world.nextcloud.refuses_bearers.store(false, Ordering::SeqCst);
    assert_eq!(world.grants.upkeep.refresh_due(10).await.unwrap(), 1);
    assert_eq!(world.state().await.0, "operator_action_required");
    world.advance(3_599);
    assert!(!world.grants.upkeep.due().await.unwrap().refreshes);
    world.advance(2);
    assert_eq!(world.grants.upkeep.refresh_due(10).await.unwrap(), 1);
    assert_eq!(world.state().await, ("active".into(), None));
    credentials.session_for(&alice).await.unwrap();
}

#[sqlx::test(migrations = "./migrations")]
async fn q13_a_deleted_user_is_forgotten_after_a_second_look(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.consent("bob").await;
    world.provider.delete_user("alice");
    world.nextcloud.refuses_bearers.store(true, Ordering::SeqCst);
    let (alice, credentials) = (UserId::new("alice"), &world.grants.credentials);
    credentials.session_for(&alice).await.unwrap();
    credentials.rejected(&alice).await.unwrap();
    world.grants.upkeep.refresh_due(10).await.unwrap();
    assert_eq!(
        world.one::<i64>("select count(*) from grants").await,
        2,
        "one look is not enough"
    );
    for _ in 0..12 {
        world.advance(10);
        world.grants.upkeep.refresh_due(10).await.unwrap();
    }
    for table in ["select uid from grants", "select uid from users"] {
        assert_eq!(left(&world, table).await, ["bob"], "{table}");
    }
    assert_eq!(
        world.one::<i64>("select count(*) from pending_revocations").await,
        0
    );
    assert_eq!(world.trail().await, ["consent", "consent", "revocation"]);
}

async fn left(world: &World, sql: &'static str) -> Vec<String> {
    sqlx::query_scalar(sql).fetch_all(&world.pool).await.unwrap()
}

/// Writes that fail: every real refresh ends with a page, a token that nobody has is judged as ever.
#[sqlx::test(migrations = "./migrations")]
async fn an_outage_that_looks_like_deleted_accounts_deletes_nobody(pool: PgPool) {
    let world = World::new(pool);
    for user in ["alice", "bob"] {
        world.consent(user).await;
        world.provider.delete_user(user);
    }
    world.nextcloud.refuses_bearers.store(true, Ordering::SeqCst);
    // The first refresh comes while the access tokens are young enough to be shown; its jitter may let them end.
    sqlx::query("update grants set refresh_due_at = provisioned_at + interval '5 minutes'")
        .execute(&world.pool)
        .await
        .unwrap();
    for _ in 0..6 * 25 {
        world.advance(10);
        while world.grants.upkeep.refresh_due(10).await.unwrap() > 0 {}
    }
    let states = left(&world, "select distinct state from grants").await;
    assert_eq!(states, ["uncertain"]);
    assert_eq!(left(&world, "select uid from users").await.len(), 2);
    let seen = "select count(*) from grants where absent_since is not null";
    assert_eq!(world.one::<i64>(seen).await, 2, "it did look like that");
}

/// Nobody else can show that the provider works, so a day must pass.
#[sqlx::test(migrations = "./migrations")]
async fn q13_the_only_user_is_forgotten_after_a_day(pool: PgPool) {
    let world = World::new(pool);
    world.provider.endless.store(true, Ordering::SeqCst);
    world.consent("alice").await;
    world.provider.delete_user("alice");
    world.nextcloud.refuses_bearers.store(true, Ordering::SeqCst);
    let (alice, credentials) = (UserId::new("alice"), &world.grants.credentials);
    credentials.session_for(&alice).await.unwrap();
    credentials.rejected(&alice).await.unwrap();
    world.grants.upkeep.refresh_due(10).await.unwrap();
    for _ in 0..23 * 6 {
        world.advance(600);
        world.grants.upkeep.refresh_due(10).await.unwrap();
    }
    assert_eq!(left(&world, "select uid from grants").await, ["alice"]);
    for _ in 0..7 {
        world.advance(600);
        world.grants.upkeep.refresh_due(10).await.unwrap();
    }
    assert!(left(&world, "select uid from users").await.is_empty());
}

/// The access token ends long before the refresh, so Nextcloud cannot be asked: the user is paused, not erased.
#[sqlx::test(migrations = "./migrations")]
async fn q13_a_deleted_user_with_a_long_window_is_given_up(pool: PgPool) {
    let world = World::new(pool);
    world.provider.endless.store(true, Ordering::SeqCst);
    world.consent("alice").await;
    world.consent("bob").await;
    world.provider.delete_user("alice");
    for _ in 0..30 * 12 {
        world.advance(300);
        while world.grants.upkeep.refresh_due(10).await.unwrap() > 0 {}
    }
    let states = "select uid || ' ' || state from grants order by uid";
    assert_eq!(
        left(&world, states).await,
        ["alice reauth_required", "bob active"]
    );
    let asked = world.provider.count();
    assert!(asked < 25, "{asked}");
    assert_eq!(world.trail().await, ["consent", "consent", "refresh_failed"]);
    let error = world.token("alice").await.unwrap_err();
    assert!(matches!(error, CredentialError::Unusable(_)), "{error}");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_doubt_ends_with_the_window(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.provider.delete_user("alice");
    let mut waited = 0;
    while world.state().await.0 != "reauth_required" {
        world.advance(60);
        waited += 1;
        assert!(waited < 120, "for ever");
        world.grants.upkeep.refresh_due(10).await.unwrap();
    }
    assert!(waited > 80, "an hour beyond the end: {waited}");
    assert_eq!(world.grants.upkeep.refresh_due(10).await.unwrap(), 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_token_endpoint_that_fails_for_everybody_deletes_nobody(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.nextcloud.refuses_bearers.store(true, Ordering::SeqCst);
    let (alice, credentials) = (UserId::new("alice"), &world.grants.credentials);
    credentials.session_for(&alice).await.unwrap();
    credentials.rejected(&alice).await.unwrap();
    for _ in 0..80 {
        for _ in 0..2 {
            world.provider.script(Next::Fail(TokenFailure::InternalError(
                "HTTP 500 without tokens".into(),
            )));
        }
        world.advance(10);
        world.grants.upkeep.refresh_due(10).await.unwrap();
    }
    assert_eq!(world.one::<i64>("select count(*) from grants").await, 1);
}

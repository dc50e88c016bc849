//! What `PATCH …/scopes` changes.

use crate::audit::AuditOrigin;
use crate::auth::access::{AccessError, UserAccess};
use crate::auth::grants::testing::World;
use crate::auth::grants::{AllowedScopes, PgAllowedScopes, SyncCredentials};
use crate::auth::scopes::ScopeSet;
use crate::auth::{CredentialError, CredentialProvider, Principal};
use crate::config::BackgroundCredential;
use crate::ids::UserId;
use sqlx::PgPool;
use std::sync::Arc;

async fn narrow(world: &World, scopes: &str) -> Result<(), AccessError> {
    let alice = Principal::known(UserId::new("alice"));
    let names = ScopeSet::parse(scopes).names();
    let access = &world.grants.access;
    access.set_scopes(&alice, &names, &AuditOrigin::default()).await
}

async fn allowed(world: &World) -> Option<String> {
    let allowed = PgAllowedScopes::new(world.pool.clone());
    let scopes = allowed.allowed(&UserId::new("alice")).await.unwrap();
    scopes.map(|scopes| scopes.to_string())
}

fn sync_credentials(world: &World) -> SyncCredentials {
    let allowed = PgAllowedScopes::new(world.pool.clone());
    SyncCredentials::new(world.grants.credentials.clone(), Arc::new(allowed))
}

#[sqlx::test(migrations = "./migrations")]
async fn a_narrowing_leaves_what_the_provider_granted_and_ends_with_the_next_consent(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    assert_eq!(
        allowed(&world).await,
        None,
        "what a provider grants narrows nothing"
    );
    narrow(&world, "notes:read files.read").await.unwrap();
    assert_eq!(allowed(&world).await.unwrap(), "files.read notes.read");
    assert_eq!(
        world.one::<Vec<String>>("select scopes from grants").await,
        ["openid", "offline_access"]
    );
    narrow(&world, "").await.unwrap();
    assert_eq!(allowed(&world).await.unwrap(), "", "nothing is not everything");
    world.consent("alice").await;
    assert_eq!(allowed(&world).await, None);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_app_password_made_with_a_consent_is_narrowed_by_its_user_only(pool: PgPool) {
    let world = World::storing(pool, BackgroundCredential::AppPassword);
    world.consent("alice").await;
    assert_eq!(allowed(&world).await, None);
    narrow(&world, "notes.read").await.unwrap();
    assert_eq!(allowed(&world).await.unwrap(), "notes.read");
}

#[sqlx::test(migrations = "./migrations")]
async fn the_narrower_word_counts_where_two_credentials_stand(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    narrow(&world, "notes.read files.read").await.unwrap();
    sqlx::query(
        "insert into app_passwords (uid, login_name, password, scopes) values ('alice', 'alice', 'x', $1)",
    )
    .bind(vec!["notes:read", "notes:write"])
    .execute(&world.pool)
    .await
    .unwrap();
    assert_eq!(allowed(&world).await.unwrap(), "notes.read");
}

#[sqlx::test(migrations = "./migrations")]
async fn who_takes_the_search_back_is_not_synced_and_who_gives_it_again_is(pool: PgPool) {
    let world = World::new(pool);
    let alice = UserId::new("alice");
    world.consent("alice").await;
    let sync = sync_credentials(&world);
    assert!(sync.session_for(&alice).await.is_ok());
    narrow(&world, "notes.read").await.unwrap();
    let refused = sync.session_for(&alice).await;
    assert!(matches!(refused, Err(CredentialError::NotProvisioned)));
    let tools = world.grants.credentials.session_for(&alice).await;
    assert!(tools.is_ok(), "the tools that are left go on");

    // As the engine marks a user without a credential.
    sqlx::query("update users set sync_state = 'paused', sync_state_reason = 'no_credential'")
        .execute(&world.pool)
        .await
        .unwrap();
    narrow(&world, "notes.read files.read").await.unwrap();
    assert_eq!(
        world.one::<String>("select sync_state from users").await,
        "paused"
    );
    narrow(&world, "notes.read semantic.read").await.unwrap();
    assert_eq!(
        world.one::<String>("select sync_state from users").await,
        "active"
    );
    assert!(sync.session_for(&alice).await.is_ok());
}

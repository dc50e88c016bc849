//! What a consent leaves behind, per `BACKGROUND_CREDENTIAL`.

use crate::audit::AuditOrigin;
use crate::auth::SyncTrigger;
use crate::auth::access::{CredentialKind, CredentialState, UserAccess};
use crate::auth::grants::testing::World;
use crate::auth::grants::{CredentialSink, GrantError, GrantUpkeep};
use crate::config::BackgroundCredential;
use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use sqlx::PgPool;

#[sqlx::test(migrations = "./migrations")]
async fn o09_without_a_refresh_token_nothing_is_stored(pool: PgPool) {
    let world = World::new(pool);
    let mut grant = world.new_grant("alice");
    grant.answer.refresh_token = None;
    let refused = world.grants.sink.store(grant, &AuditOrigin::default()).await;
    assert!(matches!(refused, Err(GrantError::NoRefreshToken)));
    for table in ["select count(*) from grants", "select count(*) from users"] {
        assert_eq!(world.one::<i64>(table).await, 0, "{table}");
    }
    assert!(world.trail().await.is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn a_second_consent_replaces_the_first_and_ends_its_token(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.consent("alice").await;
    assert_eq!(world.provider.live(), 2);
    world.grants.upkeep.finish_revocations(10).await.unwrap();
    assert_eq!(world.provider.live(), 1);
    assert!(world.provider.is_live("rt-alice-2"));
    let status = world.grants.access.status(&UserId::new("alice")).await.unwrap();
    assert_eq!(status.state, CredentialState::Active);
    assert_eq!(status.kind, Some(CredentialKind::RefreshToken));
    assert!(status.expires_at.is_some());
}

#[sqlx::test(migrations = "./migrations")]
async fn of_consents_at_one_time_one_stays_and_the_others_end(pool: PgPool) {
    let world = World::new(pool);
    let origin = AuditOrigin::default();
    let consents = (0..4).map(|_| world.grants.sink.store(world.new_grant("alice"), &origin));
    for stored in futures::future::join_all(consents).await {
        stored.unwrap();
    }
    assert_eq!(world.provider.live(), 4);
    world.grants.upkeep.finish_revocations(10).await.unwrap();
    assert_eq!(world.provider.live(), 1);
    let token = world.token("alice").await.unwrap();
    assert!(!token.is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn a_consent_ends_a_removal_that_is_under_way(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    sqlx::query("update users set sync_state = 'paused', sync_state_reason = 'removed'")
        .execute(&world.pool)
        .await
        .unwrap();
    world.consent("alice").await;
    assert_eq!(
        world.one::<String>("select sync_state from users").await,
        "active"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_removal_that_comes_after_a_new_consent_takes_nothing(pool: PgPool) {
    for kind in [
        BackgroundCredential::RefreshToken,
        BackgroundCredential::AppPassword,
    ] {
        let world = World::storing(pool.clone(), kind);
        world.consent("alice").await;
        world.trigger.user_removed(&UserId::new("alice")).await.unwrap();
        let credential = "select (select count(*) from grants) + (select count(*) from app_passwords)";
        assert_eq!(world.one::<i64>(credential).await, 1, "{kind:?}");
        sqlx::query("delete from users").execute(&pool).await.unwrap();
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_app_password_is_made_under_a_name_of_its_own(pool: PgPool) {
    let world = World::storing(pool, BackgroundCredential::AppPassword);
    world.consent("alice").await;
    let device = world.nextcloud.devices.lock().unwrap()[0].clone();
    assert!(
        device.starts_with("Nextcloud MCP Server (") && device.len() == 29,
        "{device}"
    );
    let row = "select origin || ' ' || login_name from app_passwords";
    assert_eq!(world.one::<String>(row).await, "minted alice");
    assert_eq!(
        world.one::<i64>("select count(*) from app_password_mints").await,
        0
    );
    assert_eq!(world.one::<i64>("select count(*) from grants").await, 0);
    world.grants.upkeep.finish_revocations(10).await.unwrap();
    assert_eq!(
        world.provider.live(),
        0,
        "the consent's refresh token is not needed"
    );

    world.consent("alice").await;
    world.grants.upkeep.finish_revocations(10).await.unwrap();
    assert_eq!(
        *world.nextcloud.ended.lock().unwrap(),
        ["minted-1"],
        "the replaced one ends"
    );
    assert_eq!(world.nextcloud.devices.lock().unwrap().len(), 2);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_app_password_needs_no_refresh_token(pool: PgPool) {
    let world = World::storing(pool, BackgroundCredential::AppPassword);
    let mut grant = world.new_grant("alice");
    grant.answer.refresh_token = None;
    world
        .grants
        .sink
        .store(grant, &AuditOrigin::default())
        .await
        .unwrap();
    let status = world.grants.access.status(&UserId::new("alice")).await.unwrap();
    assert_eq!(status.kind, Some(CredentialKind::AppPassword));
    assert_eq!(status.expires_at, None);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_refusal_leaves_no_intent_and_a_lost_answer_leaves_one_that_is_told(pool: PgPool) {
    let world = World::storing(pool, BackgroundCredential::AppPassword);
    let origin = AuditOrigin::default();
    let intents = "select count(*) from app_password_mints";
    for (error, left) in [
        (NextcloudError::Forbidden("no".into()), 0),
        (NextcloudError::Unreachable("no answer in time".into()), 1),
    ] {
        *world.nextcloud.mint_fails.lock().unwrap() = Some(error);
        let refused = world.grants.sink.store(world.new_grant("alice"), &origin).await;
        assert!(matches!(refused, Err(GrantError::NotMinted(_))));
        assert_eq!(world.one::<i64>(intents).await, left);
    }
    assert_eq!(world.one::<i64>("select count(*) from app_passwords").await, 0);
    assert!(!world.grants.upkeep.due().await.unwrap().revocations);
    world.advance(601);
    assert!(world.grants.upkeep.due().await.unwrap().revocations);
    world.grants.upkeep.finish_revocations(10).await.unwrap();
    assert_eq!(world.one::<i64>(intents).await, 0);
    let detail = world.one::<String>("select detail from audit_events").await;
    assert!(detail.contains("Nextcloud MCP Server ("), "{detail}");
}

//! Taking back what was granted.

use crate::audit::AuditOrigin;
use crate::auth::Principal;
use crate::auth::access::{AccessError, CredentialState, UserAccess};
use crate::auth::grants::GrantUpkeep;
use crate::auth::grants::testing::{Next, World};
use crate::config::BackgroundCredential;
use crate::ids::UserId;
use crate::nextcloud::CurrentUser;
use sqlx::PgPool;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::Notify;

fn alice() -> Principal {
    Principal::verified(&CurrentUser::for_test("alice"))
}

async fn revoke(world: &World) -> Result<bool, AccessError> {
    world
        .grants
        .access
        .revoke(&alice(), &AuditOrigin::default())
        .await
}

#[sqlx::test(migrations = "./migrations")]
async fn o11_revoking_works_while_the_provider_is_away_and_is_finished_later(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.provider.down.store(true, Ordering::SeqCst);
    assert!(revoke(&world).await.unwrap());
    assert!(world.token("alice").await.is_err());
    for table in ["select count(*) from grants", "select count(*) from users"] {
        assert_eq!(world.one::<i64>(table).await, 0, "{table}");
    }
    let secret = world
        .one::<String>("select secret from pending_revocations")
        .await;
    assert!(secret.starts_with("v1."), "{secret}");
    assert_eq!(world.grants.upkeep.finish_revocations(10).await.unwrap(), 1);
    assert!(
        !world.grants.upkeep.due().await.unwrap().revocations,
        "not before the delay"
    );
    world.provider.down.store(false, Ordering::SeqCst);
    world.advance(61);
    assert!(world.grants.upkeep.due().await.unwrap().revocations);
    world.grants.upkeep.finish_revocations(10).await.unwrap();
    assert_eq!(world.provider.live(), 0);
    assert_eq!(
        world.one::<i64>("select count(*) from pending_revocations").await,
        0
    );
    assert_eq!(
        world.trail().await,
        ["consent", "revocation", "remote_revocation"]
    );
    assert!(!revoke(&world).await.unwrap(), "nothing stood any more");
    assert_eq!(world.trail().await.len(), 3);
    let status = world.grants.access.status(&UserId::new("alice")).await.unwrap();
    assert_eq!(status.state, CredentialState::Revoked);
    assert!(status.since.is_some());
}

#[sqlx::test(migrations = "./migrations")]
async fn what_cannot_be_ended_for_thirty_days_is_given_up_and_told(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    revoke(&world).await.unwrap();
    world.provider.down.store(true, Ordering::SeqCst);
    let mut attempts = 0;
    for _ in 0..31 * 24 {
        attempts += world.grants.upkeep.finish_revocations(10).await.unwrap();
        world.advance(3_600);
    }
    assert_eq!(
        world.one::<i64>("select count(*) from pending_revocations").await,
        0
    );
    assert!((100..160).contains(&attempts), "{attempts}");
    assert_eq!(
        world.trail().await,
        ["consent", "revocation", "remote_revocation"]
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_revocation_that_was_cut_short_is_finished_when_asked_again(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.trigger.fails.store(true, Ordering::SeqCst);
    assert!(revoke(&world).await.is_err());
    assert_eq!(
        world.one::<i64>("select count(*) from grants").await,
        0,
        "unusable at once"
    );
    let reason = "select sync_state_reason from users";
    assert_eq!(
        world.one::<String>(reason).await,
        "removed",
        "housekeeping would finish it, too"
    );
    world.trigger.fails.store(false, Ordering::SeqCst);
    revoke(&world).await.unwrap();
    assert_eq!(world.one::<i64>("select count(*) from users").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_token_that_was_being_refreshed_meanwhile_does_not_live_on(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(1_000);
    let go = Arc::new(Notify::new());
    world.provider.script(Next::Wait(go.clone()));
    let broker = world.grants.broker.clone();
    let task = tokio::spawn(async move { broker.access_token(&UserId::new("alice")).await });
    world.provider.asked.notified().await;
    revoke(&world).await.unwrap();
    go.notify_one();
    assert!(task.await.unwrap().is_err());
    assert_eq!(world.provider.live(), 1, "the refresh had gone through");
    world.grants.upkeep.finish_revocations(10).await.unwrap();
    assert_eq!(world.provider.live(), 0);
}

/// Tables in which something stands of alice, and of bob.
async fn remaining(world: &World) -> Vec<String> {
    let sql = "select t || ' ' || uid from (
                   select 'links' as t, uid from consent_links union all
                   select 'flows', expected_uid from oauth_flows union all
                   select 'identities', uid from identities union all
                   select 'sessions', uid from browser_sessions) as x order by 1";
    sqlx::query_scalar(sql).fetch_all(&world.pool).await.unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn links_end_with_a_revocation_and_everything_else_with_the_account(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    for uid in ["alice", "bob"] {
        for sql in [
            "insert into consent_links values (sha256(convert_to($1, 'UTF8')), $1, now(), now())",
            "insert into oauth_flows (state_hash, kind, browser_hash, expected_uid, client_id, nonce, code_verifier,
                                      created_at, expires_at)
             values (sha256(convert_to($1, 'UTF8')), 'consent', '', $1, 'c', 'n', 'v', now(), now())",
            "insert into identities values ('https://idp', $1, $1)",
            "insert into browser_sessions values (sha256(convert_to($1, 'UTF8')), $1, now(), now(), now())",
        ] {
            sqlx::query(sql).bind(uid).execute(&world.pool).await.unwrap();
        }
    }
    revoke(&world).await.unwrap();
    let bobs = ["flows bob", "identities bob", "links bob", "sessions bob"];
    assert_eq!(
        remaining(&world).await,
        [
            bobs[0],
            "identities alice",
            bobs[1],
            bobs[2],
            "sessions alice",
            bobs[3]
        ]
    );
    let gone = UserId::new("alice");
    world.grants.access.forget_departed(&gone).await.unwrap();
    assert_eq!(remaining(&world).await, bobs);
}

/// A consent locks the user before the app password; a revocation that did it the other way round could deadlock with it.
#[sqlx::test(migrations = "./migrations")]
async fn a_revocation_that_waits_for_a_consent_holds_nothing_up(pool: PgPool) {
    let world = World::storing(pool, BackgroundCredential::AppPassword);
    world.consent("alice").await;
    let mut consent = world.pool.begin().await.unwrap();
    sqlx::query("select from users where uid = 'alice' for update")
        .execute(&mut *consent)
        .await
        .unwrap();
    let access = world.grants.access.clone();
    let revocation = tokio::spawn(async move { access.revoke(&alice(), &AuditOrigin::default()).await });
    let waiting = "select exists (select from pg_stat_activity
                   where datname = current_database() and wait_event_type = 'Lock')";
    while !world.one::<bool>(waiting).await {
        tokio::task::yield_now().await;
    }
    sqlx::query("select from app_passwords where uid = 'alice' for update nowait")
        .execute(&mut *consent)
        .await
        .unwrap();
    consent.rollback().await.unwrap();
    assert!(revocation.await.unwrap().unwrap());
}

#[sqlx::test(migrations = "./migrations")]
async fn a_made_app_password_ends_at_nextcloud(pool: PgPool) {
    let world = World::storing(pool, BackgroundCredential::AppPassword);
    world.consent("alice").await;
    assert!(revoke(&world).await.unwrap());
    world.grants.upkeep.finish_revocations(10).await.unwrap();
    assert_eq!(*world.nextcloud.ended.lock().unwrap(), ["minted-1"]);
    assert_eq!(world.one::<i64>("select count(*) from app_passwords").await, 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn scopes_are_replaced_where_something_stands(pool: PgPool) {
    let world = World::new(pool);
    let scopes = ["notes.read".to_owned()];
    let origin = AuditOrigin::default();
    let nothing = world.grants.access.set_scopes(&alice(), &scopes, &origin).await;
    assert!(matches!(nothing, Err(AccessError::NotProvisioned)));
    world.consent("alice").await;
    world
        .grants
        .access
        .set_scopes(&alice(), &scopes, &origin)
        .await
        .unwrap();
    let status = world.grants.access.status(&UserId::new("alice")).await.unwrap();
    assert_eq!(status.scopes, Some(scopes.to_vec()));
    assert_eq!(world.trail().await, ["consent", "scopes_changed"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn who_never_granted_anything_is_not_provisioned(pool: PgPool) {
    let world = World::new(pool);
    let status = world.grants.access.status(&UserId::new("bob")).await.unwrap();
    assert_eq!(status.state, CredentialState::NotProvisioned);
}

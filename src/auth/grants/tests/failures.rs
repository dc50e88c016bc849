//! What the token endpoint says becomes what the grant is good for.

use crate::auth::CredentialError;
use crate::auth::grants::GrantUpkeep;
use crate::auth::grants::testing::{Next, World};
use crate::auth::oidc::{ClientError, TokenFailure};
use crate::ids::UserId;
use sqlx::PgPool;
use std::time::Duration;

#[sqlx::test(migrations = "./migrations")]
async fn t11_answers_with_gaps_keep_what_is_known(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(900);
    world.provider.script(Next::Answer(|answer| {
        answer.refresh_token = None;
        answer.refresh_expires_in = None;
        answer.expires_in = None;
    }));
    let before = world.one::<String>("select refresh_token from grants").await;
    assert_eq!(world.token("alice").await.unwrap(), "at-alice-2");
    let after = world.one::<String>("select refresh_token from grants").await;
    assert_eq!(before, after, "the old refresh token stays");
    let kept = "select extract(epoch from refresh_expires_at - provisioned_at)::bigint from grants";
    assert_eq!(world.one::<i64>(kept).await, 1_800, "and its end");
    let life = "select extract(epoch from access_expires_at - refreshed_at)::bigint from grants";
    assert_eq!(world.one::<i64>(life).await, 900, "the default");
}

#[sqlx::test(migrations = "./migrations")]
async fn t11_a_refresh_token_without_an_end_is_kept_alive_daily(pool: PgPool) {
    let world = World::new(pool);
    let mut grant = world.new_grant("alice");
    grant.answer.refresh_expires_in = None;
    let origin = crate::audit::AuditOrigin::default();
    let ends = crate::auth::grants::CredentialSink::store(&*world.grants.sink, grant, &origin).await;
    assert_eq!(ends.unwrap(), None);
    world.advance(20 * 3_600);
    assert!(!world.grants.upkeep.due().await.unwrap().refreshes);
    world.advance(5 * 3_600);
    assert!(world.grants.upkeep.due().await.unwrap().refreshes);
}

struct Case {
    failure: TokenFailure,
    state: &'static str,
    audited: bool,
    /// Seconds until the next attempt, at least and at most.
    due: Option<(i64, i64)>,
}

#[sqlx::test(migrations = "./migrations")]
async fn t12_every_kind_of_failure_has_its_own_end(pool: PgPool) {
    let world = World::new(pool);
    let cases = [
        Case {
            failure: TokenFailure::InvalidGrant("gone".into()),
            state: "reauth_required",
            audited: true,
            due: None,
        },
        Case {
            failure: TokenFailure::InvalidClient("invalid_client".into()),
            state: "operator_action_required",
            audited: true,
            due: Some((240, 360)),
        },
        Case {
            failure: TokenFailure::Client(ClientError::Registration("refused".into())),
            state: "operator_action_required",
            audited: true,
            due: Some((240, 360)),
        },
        Case {
            failure: TokenFailure::Client(ClientError::Store),
            state: "active",
            audited: false,
            due: Some((12, 18)),
        },
        Case {
            failure: TokenFailure::Unreachable("HTTP 503".into()),
            state: "active",
            audited: false,
            due: Some((12, 18)),
        },
        Case {
            failure: TokenFailure::Throttled {
                retry_after: Some(Duration::from_mins(2)),
            },
            state: "active",
            audited: false,
            due: Some((120, 120)),
        },
        Case {
            failure: TokenFailure::Uncertain("no answer".into()),
            state: "uncertain",
            audited: false,
            due: Some((12, 18)),
        },
    ];
    for Case {
        failure,
        state,
        audited,
        due,
    } in cases
    {
        sqlx::query("delete from audit_events")
            .execute(&world.pool)
            .await
            .unwrap();
        world.consent("alice").await;
        world.advance(900);
        let name = format!("{failure:?}");
        world.provider.script(Next::Fail(failure));
        let error = world.token("alice").await.unwrap_err();
        let is_final = matches!(error, CredentialError::Unusable(_));
        assert_eq!(is_final, audited, "{name}: {error}");
        assert_eq!(world.state().await.0, state, "{name}");
        assert_eq!(world.trail().await.len(), 1 + usize::from(audited), "{name}");
        let wait: Option<i64> =
            sqlx::query_scalar("select ceil(extract(epoch from refresh_due_at - $1))::bigint from grants")
                .bind(crate::clock::Clock::now(&*world.clock))
                .fetch_one(&world.pool)
                .await
                .unwrap();
        match (wait, due) {
            (Some(wait), Some((least, most))) => assert!(wait >= least && wait <= most, "{name}: {wait}"),
            (wait, due) => assert_eq!(wait.is_some(), due.is_some(), "{name}"),
        }
        let asked = world.provider.count();
        assert!(world.token("alice").await.is_err());
        assert_eq!(
            world.provider.count(),
            asked,
            "{name}: nobody asks again before it is due"
        );
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn an_uncertain_grant_is_tried_again_and_works_or_dies(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(900);
    world
        .provider
        .script(Next::Fail(TokenFailure::Uncertain("no answer".into())));
    assert!(matches!(
        world.token("alice").await,
        Err(CredentialError::Temporary(_))
    ));
    world.advance(20);
    assert_eq!(world.grants.upkeep.refresh_due(10).await.unwrap(), 1);
    assert_eq!(world.state().await, ("active".into(), None));

    world.advance(900);
    world
        .provider
        .script(Next::Fail(TokenFailure::Uncertain("no answer".into())));
    world
        .provider
        .script(Next::Fail(TokenFailure::InvalidGrant("used".into())));
    assert!(world.token("alice").await.is_err());
    world.advance(20);
    world.grants.upkeep.refresh_due(10).await.unwrap();
    let (state, reason) = world.state().await;
    assert_eq!(state, "reauth_required");
    assert!(reason.unwrap().contains("cut short"));
}

#[sqlx::test(migrations = "./migrations")]
async fn o16_a_client_that_works_again_ends_the_operators_turn_and_the_pause(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    world.advance(700);
    world
        .provider
        .script(Next::Fail(TokenFailure::InvalidClient("expired_client".into())));
    while world.grants.upkeep.refresh_due(10).await.unwrap() == 0 {
        world.advance(10);
    }
    assert_eq!(world.state().await.0, "operator_action_required");
    sqlx::query("update users set sync_state = 'paused', sync_state_reason = 'no_credential'")
        .execute(&world.pool)
        .await
        .unwrap();
    world.advance(361);
    assert_eq!(world.grants.upkeep.refresh_due(10).await.unwrap(), 1);
    assert_eq!(world.state().await, ("active".into(), None));
    assert_eq!(
        world.one::<String>("select sync_state from users").await,
        "active"
    );
    assert_eq!(world.trail().await, ["consent", "refresh_failed"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn o16_a_client_registered_anew_ends_the_grants_of_the_old_one(pool: PgPool) {
    let world = World::new(pool);
    world.consent("alice").await;
    *world.clients.0.lock().unwrap() = "client-2".to_owned();
    world.advance(900);
    assert!(matches!(
        world.token("alice").await,
        Err(CredentialError::Unusable(_))
    ));
    let (state, reason) = world.state().await;
    assert_eq!(state, "reauth_required");
    assert!(reason.unwrap().contains("registered anew"));
    assert_eq!(world.provider.count(), 0, "the provider was not even asked");
}

#[sqlx::test(migrations = "./migrations")]
async fn an_outage_inside_the_window_is_survived(pool: PgPool) {
    use std::sync::atomic::Ordering;
    let world = World::new(pool);
    world.consent("alice").await;
    world.provider.down.store(true, Ordering::SeqCst);
    for _ in 0..28 {
        world.advance(60);
        while world.grants.upkeep.refresh_due(10).await.unwrap() > 0 {}
    }
    assert!(world.provider.count() > 3 && world.provider.count() < 20);
    assert!(matches!(
        world.token("alice").await,
        Err(CredentialError::Temporary(_))
    ));
    world.provider.down.store(false, Ordering::SeqCst);
    world.advance(60);
    world.grants.upkeep.refresh_due(10).await.unwrap();
    assert_eq!(world.state().await, ("active".into(), None));
    let alice = UserId::new("alice");
    assert!(world.grants.broker.access_token(&alice).await.is_ok());
}

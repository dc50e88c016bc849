//! Refresh tokens: rotation, rivals, lifetimes, users who are gone.

use std::time::Duration;

use nextcloud_sim::{Effect, FaultRule};

use super::{NO_ROW, SCOPES, as_bearer, described, opaque, own_account, refresh};

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_harms_nobody() {
    let (simulator, client) = opaque().await;
    let oidc = simulator.world().oidc();
    let first = oidc.issue("alice", &client.id, SCOPES, None);
    let old = first.refresh_token.unwrap();
    let second = refresh(&simulator, &client, &old).await.json();
    assert_eq!(
        described(&refresh(&simulator, &client, &old).await),
        (400, NO_ROW.to_owned())
    );
    assert_eq!(own_account(&simulator, &first.access_token).await.status, 401);
    let living = second["refresh_token"].as_str().unwrap();
    assert!(oidc.is_live_refresh_token(living));
    assert_eq!(refresh(&simulator, &client, living).await.status, 200);
    assert_eq!((oidc.refreshes(), oidc.live_grants("alice")), (2, 1));
}

#[tokio::test]
async fn refreshes_at_once_all_succeed_and_one_survives() {
    let (simulator, client) = opaque().await;
    let world = simulator.world();
    let token = world
        .oidc()
        .issue("alice", &client.id, SCOPES, None)
        .refresh_token
        .unwrap();
    let slow = FaultRule::new(Effect::Latency(200)).path("/apps/oidc/token");
    let slow = world.faults().set(slow);
    let answers = futures::future::join_all((0..4).map(|_| refresh(&simulator, &client, &token))).await;
    world.faults().clear(slow);
    let mut alive = 0;
    for answer in &answers {
        assert_eq!(answer.status, 200);
        let next = answer.json()["refresh_token"].as_str().unwrap().to_owned();
        alive += usize::from(world.oidc().is_live_refresh_token(&next));
    }
    assert_eq!((alive, world.oidc().refreshes()), (1, 4));
}

#[tokio::test]
async fn a_refresh_token_lives_for_both_times_together() {
    let (simulator, client) = opaque().await;
    let oidc = simulator.world().oidc();
    for (wait, expected) in [(1800, 200), (1801, 400)] {
        simulator.world().stop_clock_at(1_800_000_000);
        let token = oidc
            .issue("alice", &client.id, SCOPES, None)
            .refresh_token
            .unwrap();
        simulator.world().advance(Duration::from_secs(wait));
        let answer = refresh(&simulator, &client, &token).await;
        assert_eq!(answer.status, expected);
        if expected == 400 {
            assert_eq!(described(&answer).1, "Refresh token is expired.");
            assert_eq!(described(&refresh(&simulator, &client, &token).await).1, NO_ROW);
        }
    }
    oidc.set_refresh_expire_time(None);
    let token = oidc.issue("alice", &client.id, SCOPES, None).refresh_token;
    simulator.world().advance(Duration::from_hours(400 * 24));
    let answer = refresh(&simulator, &client, &token.unwrap()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.json().get("refresh_expires_in").is_none());
}

#[tokio::test]
async fn refreshing_for_a_deleted_user_fails_with_a_page_and_for_a_disabled_one_works() {
    let (simulator, client) = opaque().await;
    let world = simulator.world();
    let tokens = world.oidc().issue("alice", &client.id, SCOPES, None);
    world.disable_user("alice");
    let answer = refresh(&simulator, &client, &tokens.refresh_token.unwrap()).await;
    assert_eq!(answer.status, 200);
    let tokens = answer.json();
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(own_account(&simulator, access_token).await.status, 401);
    let dav = as_bearer(
        &simulator,
        "PROPFIND",
        "/remote.php/dav/files/alice/",
        access_token,
    )
    .await;
    assert_eq!(dav.status, 503);
    world.delete_user("alice");
    let answer = refresh(&simulator, &client, tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("<html"));
}

//! What the verifier remembers, and for how long.

use super::*;

fn alice() -> Principal {
    Principal::verified(&crate::nextcloud::CurrentUser::for_test("alice"))
}

async fn active() -> World {
    let world = World::new().await;
    world.idp.set(Reply::Json(world.active()));
    world
}

#[tokio::test]
async fn j09_a_token_revoked_at_the_provider_works_no_longer_than_a_minute() {
    let world = active().await;
    assert_eq!(uid(&world.mcp("token").await), "alice");
    world.idp.set(Reply::Json(json!({"active": false})));
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(uid(&world.mcp("token").await), "alice");
    assert_eq!(world.idp.asked(), 1);
    world.clock.advance(Duration::from_secs(1));
    assert!(is_refused(&world.mcp("token").await));
}

#[tokio::test]
async fn j09_what_was_found_out_about_a_user_is_forgotten_at_once() {
    let world = active().await;
    let mut bob = world.active();
    bob["sub"] = json!("bob");
    for audience in [Audience::Mcp, Audience::Management] {
        assert_eq!(uid(&world.verify("token", audience).await), "alice");
    }
    world.idp.set(Reply::Json(bob));
    assert_eq!(uid(&world.mcp("of-bob").await), "bob");
    world.verifier.forget(&alice()).await;
    world.idp.set(Reply::Json(json!({"active": false})));
    for audience in [Audience::Mcp, Audience::Management] {
        assert!(is_refused(&world.verify("token", audience).await));
    }
    assert_eq!(uid(&world.mcp("of-bob").await), "bob");
}

#[tokio::test]
async fn j09_an_answer_from_before_a_revocation_is_not_kept_after_it() {
    let world = World::new().await;
    let gate = Arc::new(Notify::new());
    world.idp.set(Reply::Held(gate.clone(), world.active()));
    let verifier = world.verifier.clone();
    let asking =
        tokio::spawn(async move { verifier.verify(&SecretString::from("token"), Audience::Mcp).await });
    while world.idp.asked() == 0 {
        tokio::task::yield_now().await;
    }
    world.verifier.forget(&alice()).await;
    gate.notify_one();
    assert_eq!(
        uid(&asking.await.unwrap()),
        "alice",
        "asked before the revocation"
    );
    let token = SecretString::from("token");
    assert!(world.verifier.last_known(&token, Audience::Mcp).await.is_none());
    world.idp.set(Reply::Json(json!({"active": false})));
    assert!(is_refused(&world.mcp("token").await));
}

#[tokio::test]
async fn an_answer_never_outlives_its_token() {
    let world = World::new().await;
    let mut short = world.active();
    short["exp"] = json!(world.now() + 20);
    world.idp.set(Reply::Json(short));
    assert_eq!(uid(&world.mcp("token").await), "alice");
    world.clock.advance(Duration::from_secs(9));
    assert_eq!(uid(&world.mcp("token").await), "alice");
    assert_eq!(world.idp.asked(), 1);
    world.clock.advance(Duration::from_secs(1));
    assert!(is_refused(&world.mcp("token").await), "half of twenty seconds");
}

#[tokio::test]
async fn a_refusal_is_remembered_for_ten_seconds() {
    let world = World::new().await;
    world.idp.set(Reply::Json(json!({"active": false})));
    for _ in 0..5 {
        assert!(is_refused(&world.mcp("token").await));
    }
    assert_eq!(world.idp.asked(), 1);
    world.clock.advance(Duration::from_secs(10));
    world.idp.set(Reply::Json(world.active()));
    assert_eq!(uid(&world.mcp("token").await), "alice");
}

#[tokio::test]
async fn equal_tokens_are_asked_about_once_at_a_time() {
    let world = active().await;
    let asking = (0..50).map(|_| world.mcp("token"));
    for answer in futures::future::join_all(asking).await {
        assert_eq!(uid(&answer), "alice");
    }
    assert_eq!(world.idp.asked(), 1);
}

#[tokio::test]
async fn an_answer_counts_for_the_audience_it_was_given_for() {
    let world = World::with(Setup {
        management_clients: vec!["astrolabe".into()],
        ..Setup::default()
    })
    .await;
    let token = world.token(&json!({"aud": "astrolabe", "client_id": "astrolabe"}));
    assert_eq!(uid(&world.verify(&token, Audience::Management).await), "alice");
    assert!(is_refused(&world.mcp(&token).await));
    assert_eq!(uid(&world.verify(&token, Audience::Management).await), "alice");
}

#[tokio::test]
async fn while_nobody_can_tell_the_last_answer_is_known_for_those_who_ask_for_it() {
    let world = active().await;
    let token = SecretString::from("token");
    let known = async || world.verifier.last_known(&token, Audience::Mcp).await;
    assert!(known().await.is_none());
    assert_eq!(uid(&world.mcp("token").await), "alice");
    world.idp.set(Reply::Status(500));
    world.clock.advance(Duration::from_mins(5));
    for _ in 0..2 {
        assert!(is_unavailable(&world.mcp("token").await));
        assert_eq!(known().await.unwrap().principal, alice());
    }
    assert!(
        world
            .verifier
            .last_known(&token, Audience::Management)
            .await
            .is_none()
    );
    world.clock.advance(Duration::from_mins(10));
    assert!(known().await.is_none(), "the token has ended");
}

#[tokio::test]
async fn a_refused_token_is_not_known_any_more() {
    let world = active().await;
    assert_eq!(uid(&world.mcp("token").await), "alice");
    world.clock.advance(Duration::from_mins(1));
    world.idp.set(Reply::Json(json!({"active": false})));
    assert!(is_refused(&world.mcp("token").await));
    world.idp.set(Reply::Status(500));
    world.clock.advance(Duration::from_mins(1));
    assert!(is_unavailable(&world.mcp("token").await));
    let token = SecretString::from("token");
    assert!(world.verifier.last_known(&token, Audience::Mcp).await.is_none());
}

#[tokio::test]
async fn tokens_do_not_show_in_what_is_printed() {
    let world = active().await;
    let bearer = world.mcp("s3cret-t0ken").await.unwrap();
    assert!(!format!("{bearer:?} {:?}", world.verifier).contains("s3cret"));
}

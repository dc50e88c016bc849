//! The service without its pages.

use super::{AtNextcloud, World};
use crate::audit::AuditOrigin;
use crate::auth::Principal;
use crate::auth::browser::BrowserToken;
use crate::auth::consent::{
    CallbackQuery, ConsentLinks, Finished, LocalPath, Refusal, ReturnTo, StartError, StartedFlow,
};
use crate::auth::oidc::{IdTokenError, TokenFailure};
use crate::config::BackgroundCredential;
use crate::entropy::SystemEntropy;
use crate::ids::UserId;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use std::collections::HashMap;

fn browser() -> BrowserToken {
    BrowserToken::random(&SystemEntropy)
}

fn query_of(started: &StartedFlow) -> HashMap<String, String> {
    started.authorization_url.query_pairs().into_owned().collect()
}

/// What the provider sends back when `uid` has logged in there.
fn callback(started: &StartedFlow, uid: &str) -> CallbackQuery {
    CallbackQuery {
        state: Some(query_of(started)["state"].clone()),
        code: Some(SecretString::from(uid)),
        ..CallbackQuery::default()
    }
}

impl World {
    async fn consent(&self, link: Option<&str>, cookie: &BrowserToken) -> Result<StartedFlow, StartError> {
        let to = ReturnTo::parse("https://cloud.example.org/settings", &super::urls()).unwrap();
        self.service
            .start_consent(link, Some(&to), Some("theirs"), cookie, None)
            .await
    }

    async fn finish(&self, query: CallbackQuery, cookie: &BrowserToken) -> Result<Finished, Refusal> {
        self.service
            .finish(query, Some(cookie), &AuditOrigin::default())
            .await
            .map_err(|refused| refused.why)
    }

    async fn link_for(&self, uid: &str) -> String {
        let principal = Principal::known(UserId::new(uid));
        let link = self.links.link_for(&principal).await.unwrap();
        link.split_once("?link=").unwrap().1.to_owned()
    }
}

async fn identities(pool: &PgPool) -> i64 {
    sqlx::query_scalar!(r#"select count(*) as "count!" from identities"#)
        .fetch_one(pool)
        .await
        .unwrap()
}

#[sqlx::test(migrations = "./migrations")]
async fn a_consent_stores_the_grant_of_whom_nextcloud_names(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    let started = world.consent(None, &cookie).await.unwrap();
    let sent = query_of(&started);
    assert_eq!(sent["scope"], "openid profile email offline_access");
    assert_eq!(sent["redirect_uri"], "https://mcp.example.org/oauth/callback");
    assert_eq!(sent["code_challenge_method"], "S256");
    let finished = world.finish(callback(&started, "alice"), &cookie).await.unwrap();
    let Finished::Consented(consented) = finished else {
        panic!("{finished:?}")
    };
    assert_eq!(consented.principal.user().as_str(), "alice");
    let back = consented.back.unwrap();
    assert_eq!(back.as_str(), "https://cloud.example.org/settings?state=theirs");
    assert_eq!(world.stored(), ["alice"]);
    assert_eq!(identities(&pool).await, 1);
    let nonces = world.parts.nonces.lock().unwrap().clone();
    assert_eq!(nonces, [sent["nonce"].clone()]);
    let exchange = world.parts.exchanges.lock().unwrap()[0].clone();
    assert_eq!(exchange.client_id, "this-server");
    assert_eq!(exchange.code_verifier.expose_secret().len(), 43);
}

#[sqlx::test(migrations = "./migrations")]
async fn o01_no_token_call_for_an_unknown_replayed_or_foreign_state(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    let unknown = CallbackQuery {
        state: Some(browser().expose().to_owned()),
        code: Some(SecretString::from("alice")),
        ..CallbackQuery::default()
    };
    for query in [unknown, CallbackQuery::default()] {
        let refused = world.finish(query, &cookie).await;
        assert!(matches!(refused, Err(Refusal::UnknownFlow)), "{refused:?}");
    }
    let started = world.consent(None, &cookie).await.unwrap();
    let foreign = world.finish(callback(&started, "mallory"), &browser()).await;
    assert!(matches!(foreign, Err(Refusal::UnknownFlow)));
    assert_eq!(world.exchanges(), 0);
    let started = world.consent(None, &cookie).await.unwrap();
    world.finish(callback(&started, "alice"), &cookie).await.unwrap();
    let replayed = world.finish(callback(&started, "alice"), &cookie).await;
    assert!(matches!(replayed, Err(Refusal::UnknownFlow)));
    assert_eq!((world.exchanges(), world.stored().len()), (1, 1));
}

#[sqlx::test(migrations = "./migrations")]
async fn o03_a_denied_consent_asks_for_no_token(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    let started = world.consent(None, &cookie).await.unwrap();
    let denied = CallbackQuery {
        error: Some("access_denied".into()),
        code: None,
        ..callback(&started, "alice")
    };
    let refused = world.finish(denied, &cookie).await;
    assert!(matches!(refused, Err(Refusal::Denied)));
    assert_eq!(world.exchanges(), 0);
    assert!(
        world.audited().is_empty(),
        "a line about nobody could be had for nothing"
    );

    let link = world.link_for("alice").await;
    let started = world.consent(Some(&link), &cookie).await.unwrap();
    let denied = CallbackQuery {
        error: Some("access_denied".into()),
        code: None,
        ..callback(&started, "alice")
    };
    assert!(matches!(
        world.finish(denied, &cookie).await,
        Err(Refusal::Denied)
    ));
    assert_eq!(world.audited(), ["consent_refused"]);
    let about = world.parts.events.lock().unwrap()[0].subject.clone();
    assert_eq!(about, Some(UserId::new("alice")));
}

#[sqlx::test(migrations = "./migrations")]
async fn o05_a_refused_id_token_ends_the_flow(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    world.set(|behaviour| behaviour.id_token = Err(IdTokenError::Refused("another nonce".into())));
    let consent = world.consent(None, &cookie).await.unwrap();
    let refused = world.finish(callback(&consent, "alice"), &cookie).await;
    assert!(matches!(refused, Err(Refusal::IdToken(_))));
    let login = world
        .service
        .start_login(&LocalPath::overview(), &cookie, None)
        .await
        .unwrap();
    let refused = world.finish(callback(&login, "alice"), &cookie).await;
    assert!(matches!(refused, Err(Refusal::IdToken(_))));
    assert!(world.stored().is_empty());
    assert_eq!(identities(&pool).await, 0);
    assert_eq!(
        *world.parts.ended.lock().unwrap(),
        ["refresh-alice", "refresh-alice"],
        "what the code gave is ended"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn what_cannot_be_stored_is_ended_at_the_provider(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    world.set(|behaviour| behaviour.sink_is_broken = true);
    let started = world.consent(None, &cookie).await.unwrap();
    let refused = world.finish(callback(&started, "alice"), &cookie).await;
    assert!(matches!(refused, Err(Refusal::NotMinted(_))), "{refused:?}");
    assert_eq!(*world.parts.ended.lock().unwrap(), ["refresh-alice"]);

    world.set(|behaviour| behaviour.sink_is_broken = false);
    let started = world.consent(None, &cookie).await.unwrap();
    sqlx::query("drop table identities").execute(&pool).await.unwrap();
    let refused = world.finish(callback(&started, "bob"), &cookie).await;
    assert!(matches!(refused, Err(Refusal::Internal(_))), "{refused:?}");
    assert_eq!(
        *world.parts.ended.lock().unwrap(),
        ["refresh-alice", "refresh-bob"]
    );
    assert!(world.stored().is_empty());
}

#[sqlx::test(migrations = "./migrations")]
async fn an_answer_of_another_issuer_is_refused(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    let started = world.consent(None, &cookie).await.unwrap();
    let mixed_up = CallbackQuery {
        iss: Some("https://evil.test".into()),
        ..callback(&started, "alice")
    };
    let refused = world.finish(mixed_up, &cookie).await;
    assert!(matches!(refused, Err(Refusal::InvalidCallback)));
    assert_eq!(world.exchanges(), 0);
}

#[sqlx::test(migrations = "./migrations")]
async fn o08_a_link_of_alice_stores_nothing_for_bob(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    let link = world.link_for("alice").await;
    let terms = world.service.terms(Some(&link)).await.unwrap();
    assert_eq!(terms.expected, Some(UserId::new("alice")));
    let started = world.consent(Some(&link), &cookie).await.unwrap();
    let refused = world.finish(callback(&started, "bob"), &cookie).await;
    assert!(matches!(refused, Err(Refusal::AnotherUser { .. })), "{refused:?}");
    assert!(world.stored().is_empty());
    assert_eq!(identities(&pool).await, 0);
    assert_eq!(*world.parts.ended.lock().unwrap(), ["refresh-bob"]);
    assert_eq!(world.audited(), ["consent_refused"]);

    let used = world.consent(Some(&link), &cookie).await;
    assert!(matches!(used, Err(StartError::LinkUsed)), "a link works once");
    let link = world.link_for("alice").await;
    let started = world.consent(Some(&link), &cookie).await.unwrap();
    world.finish(callback(&started, "alice"), &cookie).await.unwrap();
    assert_eq!(world.stored(), ["alice"]);
    assert!(
        !world
            .parts
            .ended
            .lock()
            .unwrap()
            .contains(&"refresh-alice".to_owned()),
        "what is kept lives on"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn o09_without_a_refresh_token_nothing_is_stored(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    world.set(|behaviour| behaviour.grants_refresh_token = false);
    let started = world.consent(None, &cookie).await.unwrap();
    let refused = world.finish(callback(&started, "alice"), &cookie).await;
    assert!(matches!(refused, Err(Refusal::NoRefreshToken)));
    assert!(world.stored().is_empty());
    assert_eq!(identities(&pool).await, 0);

    let world = World::with_credential(&pool, BackgroundCredential::AppPassword);
    world.set(|behaviour| behaviour.grants_refresh_token = false);
    let started = world.consent(None, &cookie).await.unwrap();
    world.finish(callback(&started, "alice"), &cookie).await.unwrap();
    assert_eq!(world.stored(), ["alice"], "an app password needs none");
}

#[sqlx::test(migrations = "./migrations")]
async fn a_nextcloud_that_refuses_the_bearer_leaves_nothing_behind(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    world.set(|behaviour| behaviour.nextcloud = AtNextcloud::Refuses);
    let started = world.consent(None, &cookie).await.unwrap();
    let refused = world.finish(callback(&started, "alice"), &cookie).await;
    assert!(matches!(
        refused,
        Err(Refusal::BearerRefused {
            is_own_nextcloud: true
        })
    ));
    world.set(|behaviour| behaviour.nextcloud = AtNextcloud::IsAway);
    let started = world.consent(None, &cookie).await.unwrap();
    let refused = world.finish(callback(&started, "alice"), &cookie).await;
    assert!(matches!(refused, Err(Refusal::NextcloudAway(_))));
    assert!(world.stored().is_empty());
    assert_eq!(identities(&pool).await, 0);
    assert_eq!(
        world.parts.ended.lock().unwrap().len(),
        2,
        "what is not kept is ended"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_login_stores_no_credential(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    let next = LocalPath::parse("/app?x=1").unwrap();
    let started = world.service.start_login(&next, &cookie, None).await.unwrap();
    assert_eq!(query_of(&started)["scope"], "openid profile email");
    let finished = world.finish(callback(&started, "alice"), &cookie).await.unwrap();
    let Finished::LoggedIn { principal, next: to } = finished else {
        panic!("{finished:?}")
    };
    assert_eq!((principal.user().as_str(), to), ("alice", next));
    assert!(world.stored().is_empty());
    assert_eq!(*world.parts.ended.lock().unwrap(), ["refresh-alice"]);
    assert_eq!(world.audited(), ["login"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn a_login_at_another_provider_is_who_nextcloud_names(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    world.set(|behaviour| {
        behaviour.is_own_nextcloud = false;
        behaviour.nextcloud = AtNextcloud::Refuses;
    });
    let login = async || {
        let started = world
            .service
            .start_login(&LocalPath::overview(), &cookie, None)
            .await
            .unwrap();
        world.finish(callback(&started, "alice"), &cookie).await
    };
    assert!(matches!(login().await, Err(Refusal::UnknownUser)));
    world.set(|behaviour| behaviour.nextcloud = AtNextcloud::Accepts);
    assert!(matches!(login().await, Ok(Finished::LoggedIn { .. })));
    world.set(|behaviour| behaviour.nextcloud = AtNextcloud::Refuses);
    assert!(
        matches!(login().await, Ok(Finished::LoggedIn { .. })),
        "known from the time before"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn failures_of_the_token_endpoint_differ_for_the_reader(pool: PgPool) {
    let (world, cookie) = (World::new(&pool), browser());
    let cases = [
        (
            TokenFailure::InvalidGrant("used".into()),
            "refused the authorization code",
        ),
        (TokenFailure::InvalidClient("expired".into()), "OAuth client"),
        (TokenFailure::Unreachable("down".into()), "cannot be used now"),
        (
            TokenFailure::Throttled { retry_after: None },
            "cannot be used now",
        ),
    ];
    for (failure, text) in cases {
        world.set(|behaviour| behaviour.exchange = Err(failure));
        let started = world.consent(None, &cookie).await.unwrap();
        let refused = world
            .finish(callback(&started, "alice"), &cookie)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains(text), "{refused}");
    }
    assert!(world.stored().is_empty());
}

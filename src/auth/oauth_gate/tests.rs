//! Tokens at the gate, and whose credential goes to Nextcloud.

use super::*;
use crate::auth::scopes::{Scope, ScopeSet};
use crate::auth::testing::bearers::{FakeBearers, RecordedSessions};
use crate::auth::testing::manual_clock;
use crate::auth::{CredentialError, McpGate, Rejection};
use crate::db::DbError;
use crate::ids::UserId;
use crate::nextcloud::UserSession;
use chrono::DateTime;
use secrecy::ExposeSecret;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const DOCUMENT: &str = "https://mcp.example.org/.well-known/oauth-protected-resource/mcp";

/// Has no grant of anybody; remembers who was asked for.
#[derive(Default)]
struct NoGrants(Mutex<Vec<String>>);

#[async_trait]
impl CredentialProvider for NoGrants {
    async fn session_for(&self, user: &UserId) -> Result<UserSession, CredentialError> {
        self.0.lock().unwrap().push(user.to_string());
        Err(CredentialError::NotProvisioned)
    }

    async fn rejected(&self, user: &UserId) -> Result<Rejection, CredentialError> {
        self.0.lock().unwrap().push(format!("-{user}"));
        Ok(Rejection::Dropped)
    }
}

/// Users who narrowed this server.
#[derive(Debug, Default)]
struct Narrowed(Mutex<Option<ScopeSet>>, AtomicBool);

#[async_trait]
impl AllowedScopes for Narrowed {
    async fn allowed(&self, user: &UserId) -> Result<Option<ScopeSet>, DbError> {
        assert_eq!(user.as_str(), "alice");
        if self.1.load(Ordering::SeqCst) {
            return Err(DbError(sqlx::Error::PoolTimedOut));
        }
        Ok(self.0.lock().unwrap().clone())
    }
}

struct World {
    bearers: Arc<FakeBearers>,
    sessions: Arc<RecordedSessions>,
    grants: Arc<NoGrants>,
    gate: McpGate,
}

fn world(passthrough: bool) -> World {
    let (bearers, sessions) = (
        Arc::new(FakeBearers::default()),
        Arc::new(RecordedSessions::default()),
    );
    let grants = Arc::new(NoGrants::default());
    let gate = McpGate::oauth(OAuthGate {
        verifier: bearers.clone(),
        passthrough: passthrough.then(|| sessions.clone() as Arc<dyn OpenSession>),
        stored: Some(grants.clone()),
        allowed: None,
        challenge: OAuthChallenge::new(DOCUMENT, ScopeSet::parse("openid")),
        clock: manual_clock(),
    });
    World {
        bearers,
        sessions,
        grants,
        gate,
    }
}

impl World {
    async fn admit(&self, header: Option<&str>) -> Result<Caller, AuthError> {
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        self.gate.admit(header.map(str::as_bytes), client).await
    }
}

fn challenge_of(error: &AuthError) -> String {
    match error {
        AuthError::Missing(challenge) | AuthError::Refused(challenge) => challenge.header().into_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn j14_no_token_is_told_where_to_learn_and_no_error() {
    let world = world(true);
    for header in [None, Some("Basic YWxpY2U6cHc="), Some("Bearer"), Some("Bearer  ")] {
        let error = world.admit(header).await.unwrap_err();
        let expected = format!(r#"Bearer scope="openid", resource_metadata="{DOCUMENT}""#);
        assert_eq!(challenge_of(&error), expected, "{header:?}");
    }
    assert_eq!(world.bearers.asked(), 0, "B09: a password is not looked at");
}

#[tokio::test]
async fn a_refused_token_an_unknown_user_and_an_outage_differ() {
    let world = world(true);
    world
        .bearers
        .refuse("old", BearerError::Refused("it has expired"));
    world.bearers.refuse("stranger", BearerError::UnknownUser);
    let away = BearerError::Unavailable {
        reason: "the identity provider does not answer".into(),
        retry_after: Duration::from_secs(10),
    };
    world.bearers.refuse("later", away);
    let refused = world.admit(Some("bearer old")).await.unwrap_err();
    let header = challenge_of(&refused);
    assert!(
        header.starts_with(
            r#"Bearer error="invalid_token", error_description="it has expired", scope="openid""#
        ),
        "{header}"
    );
    assert_eq!(
        world.admit(Some("Bearer stranger")).await.unwrap_err(),
        AuthError::UnknownUser
    );
    assert!(matches!(
        world.admit(Some("Bearer later")).await.unwrap_err(),
        AuthError::ProviderUnavailable { .. }
    ));
    assert!(matches!(
        world.admit(Some("Bearer a b")).await.unwrap_err(),
        AuthError::Malformed(_)
    ));
}

#[tokio::test]
async fn scopes_of_the_token_restrict_the_caller() {
    let world = world(true);
    world
        .bearers
        .accept("narrow", "alice", Some("openid notes:read"), true);
    world.bearers.accept("silent", "alice", None, true);
    let narrow = world.admit(Some("Bearer narrow")).await.unwrap();
    assert!(narrow.may(&Scope::NOTES_READ) && !narrow.may(&Scope::FILES_READ));
    let silent = world.admit(Some("Bearer silent")).await.unwrap();
    assert!(silent.scopes().is_none() && silent.may(&Scope::FILES_WRITE));
}

#[tokio::test]
async fn what_the_user_took_back_is_closed_to_every_token() {
    for own in [true, false] {
        let narrowed = Arc::new(Narrowed::default());
        let bearers = Arc::new(FakeBearers::default());
        bearers.accept("t", "alice", Some("openid notes.read files.read"), own);
        let gate = McpGate::oauth(OAuthGate {
            verifier: bearers,
            passthrough: Some(Arc::new(RecordedSessions::default())),
            stored: Some(Arc::new(NoGrants::default())),
            allowed: Some(narrowed.clone()),
            challenge: OAuthChallenge::new(DOCUMENT, ScopeSet::parse("openid")),
            clock: manual_clock(),
        });
        let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let admit = async || gate.admit(Some(b"Bearer t"), client).await;
        assert!(admit().await.unwrap().may(&Scope::FILES_READ));
        *narrowed.0.lock().unwrap() = Some(ScopeSet::parse("notes.read notes.write"));
        let caller = admit().await.unwrap();
        assert!(caller.may(&Scope::NOTES_READ) && !caller.may(&Scope::FILES_READ));
        assert!(!caller.may(&Scope::NOTES_WRITE), "the token does not have it");
        *narrowed.0.lock().unwrap() = Some(ScopeSet::default());
        assert!(!admit().await.unwrap().may(&Scope::NOTES_READ));
        narrowed.1.store(true, Ordering::SeqCst);
        assert!(matches!(
            admit().await,
            Err(AuthError::ProviderUnavailable { .. })
        ));
    }
}

#[tokio::test]
async fn another_providers_token_for_a_resource_says_who_it_is_without_the_scope() {
    let world = world(true);
    for (own, may) in [(false, true), (true, false)] {
        world.bearers.accept("t", "alice", Some("notes.read"), own);
        let caller = world.admit(Some("Bearer t")).await.unwrap();
        assert_eq!(caller.may(&Scope::OPENID), may, "own {own}");
        assert!(caller.may(&Scope::NOTES_READ) && !caller.may(&Scope::NOTES_WRITE));
    }
}

#[tokio::test]
async fn o15_only_an_own_token_with_leave_goes_to_nextcloud() {
    for (passthrough, own, goes) in [(true, true, true), (true, false, false), (false, true, false)] {
        let world = world(passthrough);
        world.bearers.accept("t0ken", "alice", None, own);
        let caller = world.admit(Some("Bearer t0ken")).await.unwrap();
        let session = caller.session().await;
        assert_eq!(session.is_ok(), goes, "passthrough {passthrough}, own {own}");
        let sent: Vec<String> = world
            .sessions
            .opened()
            .into_iter()
            .map(|credential| match credential {
                Credential::Bearer(token) => token.expose_secret().to_owned(),
                Credential::Basic { .. } => "basic".to_owned(),
            })
            .collect();
        let asked = world.grants.0.lock().unwrap().clone();
        if goes {
            assert_eq!((sent, asked), (vec!["t0ken".to_owned()], vec![]));
        } else {
            assert_eq!((sent, asked), (vec![], vec!["alice".to_owned()]));
        }
    }
}

#[tokio::test]
async fn what_nextcloud_refuses_is_checked_anew() {
    let world = world(true);
    world.bearers.accept("own", "alice", None, true);
    world.bearers.accept("other", "bob", None, false);
    world
        .admit(Some("Bearer own"))
        .await
        .unwrap()
        .credential_rejected()
        .await;
    assert_eq!(world.bearers.forgotten(), ["alice"]);
    world
        .admit(Some("Bearer other"))
        .await
        .unwrap()
        .credential_rejected()
        .await;
    assert_eq!(world.bearers.forgotten(), ["alice"]);
    assert_eq!(*world.grants.0.lock().unwrap(), ["-bob"]);
}

#[tokio::test]
async fn a_token_about_to_end_is_not_passed_through() {
    let now = DateTime::from_timestamp(1_780_000_000, 0).unwrap();
    for (seconds, passthrough, admitted) in [(30, true, false), (31, true, true), (5, false, true)] {
        let world = world(passthrough);
        world.bearers.accept("t", "alice", None, true);
        world.bearers.ends_at("t", now + TimeDelta::seconds(seconds));
        let answer = world.admit(Some("Bearer t")).await;
        assert_eq!(answer.is_ok(), admitted, "{seconds} s, passthrough {passthrough}");
        if let Err(error) = answer {
            assert!(challenge_of(&error).contains("invalid_token"), "{error:?}");
        }
    }
}

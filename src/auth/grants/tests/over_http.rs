//! Grants at the simulator's `oidc` app, over HTTP: rotation without grace, concurrent refreshes that all answer 200.

use crate::audit::AuditOrigin;
use crate::auth::CredentialProvider;
use crate::auth::Principal;
use crate::auth::access::UserAccess;
use crate::auth::bearer::BearerVerifier;
use crate::auth::grants::testing::TestTrail;
use crate::auth::grants::{CredentialSink, GrantUpkeep, Grants, GrantsParts, NewGrant};
use crate::auth::oidc::{
    ClientCredentials, ClientError, ClientSource, HttpTokenEndpoint, IdpHttp, KnownProvider, OAuthClient,
    TokenAnswer,
};
use crate::clock::{Clock, ManualClock};
use crate::config::{BackgroundCredential, CliOverrides, Config, EncryptionConfig, Environment};
use crate::crypto::Keyring;
use crate::entropy::SystemEntropy;
use crate::ids::UserId;
use crate::nextcloud::{Credential, Nextcloud};
use crate::sync::{DatabaseTrigger, Remotes};
use async_trait::async_trait;
use chrono::DateTime;
use nextcloud_sim::{Effect, FaultRule, OidcClient, Simulator};
use secrecy::SecretString;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

const START: i64 = 1_780_000_000;

/// The client that the administrator made.
#[derive(Debug)]
struct Configured(ClientCredentials);

#[async_trait]
impl OAuthClient for Configured {
    async fn current(&self) -> Result<ClientCredentials, ClientError> {
        Ok(self.0.clone())
    }

    async fn by_id(&self, id: &str) -> Result<Option<ClientCredentials>, ClientError> {
        Ok((id == self.0.id).then(|| self.0.clone()))
    }
}

struct World {
    sim: Simulator,
    clock: Arc<ManualClock>,
    client: OidcClient,
    nextcloud: Nextcloud,
    endpoint: Arc<HttpTokenEndpoint>,
    clients: Arc<Configured>,
    pool: PgPool,
}

impl World {
    async fn new(pool: PgPool) -> Self {
        let sim = Simulator::start().await;
        let oidc = sim.world().oidc();
        oidc.set_bearer_validation(true);
        let client = oidc.create_client(OidcClient::new("http://127.0.0.1:8000/oauth/callback"));
        sim.world().stop_clock_at(START);
        let clock = ManualClock::at(DateTime::from_timestamp(START, 0).unwrap());
        let env = [
            ("NEXTCLOUD_HOST", sim.url()),
            ("ENABLE_MULTI_USER_BASIC_AUTH", "true".to_owned()),
        ];
        let config = Config::load(&Environment::from_pairs(env), &CliOverrides::default()).unwrap();
        let http = IdpHttp::new(&config.nextcloud).unwrap();
        let provider = Arc::new(KnownProvider::new(
            &config,
            http.clone(),
            pool.clone(),
            clock.clone(),
            Arc::new(SystemEntropy),
        ));
        provider.step().await;
        let clients = Arc::new(Configured(ClientCredentials {
            id: client.id.clone(),
            secret: Some(SecretString::from(client.secret.clone())),
            source: ClientSource::Configured,
        }));
        let endpoint = HttpTokenEndpoint::new(http, provider, clients.clone(), clock.clone());
        Self {
            nextcloud: Nextcloud::new(&config.nextcloud, clock.clone()).unwrap(),
            endpoint: Arc::new(endpoint),
            sim,
            clock,
            client,
            clients,
            pool,
        }
    }

    /// A process at the database.
    fn process(&self) -> Grants {
        self.storing(BackgroundCredential::RefreshToken)
    }

    fn storing(&self, kind: BackgroundCredential) -> Grants {
        let keys = EncryptionConfig {
            current: Zeroizing::new([7; 32]),
            previous: None,
        };
        let nextcloud = Arc::new(self.nextcloud.clone());
        Grants::new(GrantsParts {
            pool: self.pool.clone(),
            keyring: Keyring::new(&keys, Arc::new(SystemEntropy)),
            clock: self.clock.clone(),
            entropy: Arc::new(SystemEntropy),
            endpoint: self.endpoint.clone(),
            clients: self.clients.clone(),
            audit: Arc::new(TestTrail::new(self.pool.clone())),
            trigger: Arc::new(DatabaseTrigger::new(self.pool.clone(), self.clock.clone())),
            bearer: None::<Arc<dyn BearerVerifier>>,
            sessions: nextcloud.clone(),
            identity: nextcloud.clone(),
            app_passwords: nextcloud,
            kind,
        })
    }

    /// `user` consents; Nextcloud itself tells who that was.
    async fn consent(&self, grants: &Grants, user: &str) -> String {
        let scopes = "openid profile email offline_access";
        let tokens = self.sim.world().oidc().issue(user, &self.client.id, scopes, None);
        let refresh_token = tokens.refresh_token.unwrap();
        let access_token = SecretString::from(tokens.access_token);
        let credential = Credential::Bearer(access_token.clone());
        let current = self.nextcloud.current_user(&credential).await.unwrap();
        let grant = NewGrant {
            principal: Principal::verified(&current),
            issuer: self.sim.url(),
            subject: user.to_owned(),
            client_id: self.client.id.clone(),
            scopes: scopes.split(' ').map(str::to_owned).collect(),
            answer: TokenAnswer {
                access_token,
                refresh_token: Some(SecretString::from(refresh_token.clone())),
                expires_in: Some(Duration::from_secs(tokens.expires_in)),
                refresh_expires_in: Some(Duration::from_mins(15)),
                id_token: None,
                scopes: None,
            },
            issued_at: self.clock.now(),
        };
        grants.sink.store(grant, &AuditOrigin::default()).await.unwrap();
        refresh_token
    }

    fn advance(&self, time: Duration) {
        self.clock.advance(time);
        self.sim.world().advance(time);
    }
}

#[sqlx::test(migrations = "./migrations")]
async fn t07_refreshes_that_would_lose_the_token_side_by_side_run_once(pool: PgPool) {
    let world = World::new(pool).await;
    let processes = [world.process(), world.process()];
    world.consent(&processes[0], "alice").await;
    world.advance(Duration::from_secs(880));
    // Slow enough that all of them would be at the provider at one time.
    let slow = FaultRule::new(Effect::Latency(300)).path("/apps/oidc/token");
    let slow = world.sim.world().faults().set(slow);
    let alice = UserId::new("alice");
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (broker, alice) = (processes[n % 2].broker.clone(), alice.clone());
            tokio::spawn(async move { broker.access_token(&alice).await })
        })
        .collect();
    for task in tasks {
        let token = task.await.unwrap().unwrap();
        let current = world.nextcloud.current_user(&Credential::Bearer(token)).await;
        assert_eq!(current.unwrap().id(), &alice, "the token works");
    }
    assert_eq!(world.sim.world().oidc().refreshes(), 1);
    world.sim.world().faults().clear(slow);
    world.advance(Duration::from_secs(880));
    processes[1].broker.access_token(&alice).await.unwrap();
    assert_eq!(
        world.sim.world().oidc().refreshes(),
        2,
        "the stored refresh token lives"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn twenty_grants_with_thirty_minute_windows_live_for_a_simulated_week(pool: PgPool) {
    const STEP: Duration = Duration::from_secs(100);
    const WEEK: Duration = Duration::from_hours(7 * 24);
    let world = World::new(pool).await;
    // The app's defaults: fifteen minutes of the access token, and fifteen more.
    let grants = world.process();
    let users: Vec<String> = (0..20).map(|n| format!("user{n}")).collect();
    for user in &users {
        world.sim.world().add_user(user, user, "password-of-user", &[]);
        world.consent(&grants, user).await;
    }
    let mut passed = Duration::ZERO;
    while passed < WEEK {
        world.advance(STEP);
        passed += STEP;
        while grants.upkeep.refresh_due(32).await.unwrap() > 0 {}
    }
    for user in &users {
        let uid = UserId::new(user.as_str());
        assert!(
            grants.access.status(&uid).await.unwrap().is_provisioned(),
            "{user}"
        );
        assert_eq!(world.sim.world().oidc().live_grants(user), 1, "{user}");
        let token = grants.broker.access_token(&uid).await.unwrap();
        let current = world.nextcloud.current_user(&Credential::Bearer(token)).await;
        assert_eq!(current.unwrap().id(), &uid);
    }
    let refreshes = world.sim.world().oidc().refreshes();
    assert!((22_000..30_000).contains(&refreshes), "{refreshes}");
}

#[sqlx::test(migrations = "./migrations")]
async fn q13_a_user_deleted_at_nextcloud_is_forgotten(pool: PgPool) {
    let world = World::new(pool).await;
    let grants = world.process();
    world.consent(&grants, "alice").await;
    world.consent(&grants, "bob").await;
    world.sim.world().delete_user("alice");
    for _ in 0..15 {
        world.advance(Duration::from_mins(1));
        while grants.upkeep.refresh_due(32).await.unwrap() > 0 {}
    }
    let left: Vec<String> = sqlx::query_scalar("select uid from grants")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(left, ["bob"]);
    let users: Vec<String> = sqlx::query_scalar("select uid from users")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(users, ["bob"]);
}

#[sqlx::test(migrations = "./migrations")]
async fn an_app_password_is_made_used_and_ended_at_nextcloud(pool: PgPool) {
    let world = World::new(pool).await;
    let grants = world.storing(BackgroundCredential::AppPassword);
    let before = world.sim.world().app_password_names("alice").len();
    let refresh_token = world.consent(&grants, "alice").await;
    let names = world.sim.world().app_password_names("alice");
    assert_eq!(names.len(), before + 1);
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("Nextcloud MCP Server (")),
        "{names:?}"
    );
    let alice = UserId::new("alice");
    let session = grants.credentials.session_for(&alice).await.unwrap();
    session.capabilities().await.unwrap();
    let stored = crate::sync::CredentialRemotes(grants.credentials.clone());
    assert!(stored.open(&alice).await.unwrap().entry("/").await.is_ok());

    let current = crate::nextcloud::CurrentUser::for_test("alice");
    let revoked = grants
        .access
        .revoke(&Principal::verified(&current), &AuditOrigin::default())
        .await;
    assert!(revoked.unwrap());
    while grants.upkeep.finish_revocations(10).await.unwrap() > 0 {}
    assert_eq!(world.sim.world().app_password_names("alice").len(), before);
    assert!(
        !world.sim.world().oidc().is_live_refresh_token(&refresh_token),
        "the consent's token was used up"
    );
}

#[sqlx::test(migrations = "./migrations")]
async fn a_session_outlives_no_access_token(pool: PgPool) {
    let world = World::new(pool).await;
    let grants = world.process();
    world.consent(&grants, "alice").await;
    let remotes = crate::sync::CredentialRemotes(grants.credentials.clone());
    let remote = remotes.open(&UserId::new("alice")).await.unwrap();
    for _ in 0..5 {
        world.advance(Duration::from_secs(880));
        assert!(remote.entry("/").await.is_ok(), "a long scan gets fresh tokens");
    }
    assert_eq!(world.sim.world().oidc().refreshes(), 5);
    assert_eq!(world.sim.world().oidc().live_grants("alice"), 1);
}

//! Stand-ins for tests: an identity provider, a Nextcloud that knows who is who, and everything between them.

use super::{AppPasswordApi, CredentialSink, Grants, GrantsParts, NewGrant};
use crate::audit::{AuditEvent, AuditOrigin, AuditTrail};
use crate::auth::oidc::{ClientCredentials, ClientError, ClientSource, OAuthClient};
use crate::auth::testing::manual_clock;
use crate::auth::{IdentityCheck, OpenSession, Principal, RemovalError, SyncTrigger};
use crate::clock::{Clock, ManualClock};
use crate::config::{BackgroundCredential, EncryptionConfig, NextcloudConfig};
use crate::crypto::Keyring;
use crate::entropy::SystemEntropy;
use crate::ids::{LoginName, UserId};
use crate::nextcloud::{Credential, CurrentUser, Nextcloud, NextcloudError, UserSession};
use crate::sync::DatabaseTrigger;
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

mod provider;

pub(super) use provider::{Next, Provider};

/// Knows one client, until another is registered.
#[derive(Debug)]
pub(super) struct Clients(pub(super) Mutex<String>);

#[async_trait]
impl OAuthClient for Clients {
    async fn current(&self) -> Result<ClientCredentials, ClientError> {
        Ok(ClientCredentials {
            id: self.0.lock().unwrap().clone(),
            secret: None,
            source: ClientSource::Configured,
        })
    }

    async fn by_id(&self, id: &str) -> Result<Option<ClientCredentials>, ClientError> {
        let current = self.current().await?;
        Ok((current.id == id).then_some(current))
    }
}

/// Takes every token that looks like one of [`Provider`]'s, makes app passwords, notes what sessions it is asked for.
#[derive(Debug)]
pub(super) struct FakeNextcloud {
    sessions: Nextcloud,
    /// Nobody's bearer is taken.
    pub(super) refuses_bearers: AtomicBool,
    /// What making an app password gives, in place of one.
    pub(super) mint_fails: Mutex<Option<NextcloudError>>,
    /// Devices made so far, and the passwords that still work.
    pub(super) devices: Mutex<Vec<String>>,
    pub(super) ended: Mutex<Vec<String>>,
    pub(super) opened: Mutex<Vec<&'static str>>,
    pub(super) asked: AtomicUsize,
}

#[async_trait]
impl IdentityCheck for FakeNextcloud {
    async fn current_user(&self, credential: &Credential) -> Result<CurrentUser, NextcloudError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match credential {
            Credential::Bearer(token) if !self.refuses_bearers.load(Ordering::SeqCst) => {
                let user = token.expose_secret().split('-').nth(1).unwrap_or_default();
                Ok(CurrentUser::for_test(user))
            }
            _ => Err(NextcloudError::Unauthorized),
        }
    }
}

#[async_trait]
impl AppPasswordApi for FakeNextcloud {
    async fn mint(&self, _: &SecretString, device_name: &str) -> Result<SecretString, NextcloudError> {
        if let Some(error) = self.mint_fails.lock().unwrap().take() {
            return Err(error);
        }
        let mut devices = self.devices.lock().unwrap();
        devices.push(device_name.to_owned());
        Ok(format!("minted-{}", devices.len()).into())
    }

    async fn end(&self, _: &LoginName, password: &SecretString) -> Result<(), NextcloudError> {
        self.ended
            .lock()
            .unwrap()
            .push(password.expose_secret().to_owned());
        Ok(())
    }
}

impl OpenSession for FakeNextcloud {
    fn open(&self, user: &UserId, credential: &Credential) -> UserSession {
        self.opened.lock().unwrap().push(match credential {
            Credential::Basic { .. } => "basic",
            Credential::Bearer(_) => "bearer",
        });
        self.sessions.open(user, credential)
    }
}

/// Writes the trail's table, and counts.
#[derive(Debug)]
pub(super) struct TestTrail(PgPool);

impl TestTrail {
    pub(super) fn new(pool: PgPool) -> Self {
        Self(pool)
    }
}

#[async_trait]
impl AuditTrail for TestTrail {
    async fn record(&self, event: AuditEvent) {
        sqlx::query("insert into audit_events (at, action, actor_uid, subject_uid, detail) values ($1, $2, $3, $4, $5)")
            .bind(event.at)
            .bind(event.action.name())
            .bind(event.actor)
            .bind(event.subject)
            .bind(event.detail)
            .execute(&self.0)
            .await
            .unwrap();
    }
}

/// Fails while told to, else the database's own.
pub(super) struct Trigger {
    database: DatabaseTrigger,
    pub(super) fails: AtomicBool,
}

#[async_trait]
impl SyncTrigger for Trigger {
    async fn user_provisioned(&self, uid: &UserId) {
        self.database.user_provisioned(uid).await;
    }

    async fn user_removed(&self, uid: &UserId) -> Result<(), RemovalError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(RemovalError::new("cut short"));
        }
        self.database.user_removed(uid).await
    }
}

/// Grants with everything around them.
pub(super) struct World {
    pub(super) pool: PgPool,
    pub(super) clock: Arc<ManualClock>,
    pub(super) provider: Arc<Provider>,
    pub(super) clients: Arc<Clients>,
    pub(super) nextcloud: Arc<FakeNextcloud>,
    pub(super) trigger: Arc<Trigger>,
    pub(super) grants: Grants,
    kind: BackgroundCredential,
}

impl World {
    pub(super) fn new(pool: PgPool) -> Self {
        Self::storing(pool, BackgroundCredential::RefreshToken)
    }

    pub(super) fn storing(pool: PgPool, kind: BackgroundCredential) -> Self {
        let clock = manual_clock();
        let provider = Arc::new(Provider::default());
        let clients = Arc::new(Clients(Mutex::new("client-1".to_owned())));
        let host = url::Url::parse("http://127.0.0.1:9").unwrap();
        let config = NextcloudConfig {
            host: host.clone(),
            public_url: host,
            verify_tls: true,
            ca_bundle: None,
            max_concurrency: 4,
            timeout_seconds: 5,
        };
        let nextcloud = Arc::new(FakeNextcloud {
            sessions: Nextcloud::new(&config, clock.clone()).unwrap(),
            refuses_bearers: AtomicBool::default(),
            mint_fails: Mutex::default(),
            devices: Mutex::default(),
            ended: Mutex::default(),
            opened: Mutex::default(),
            asked: AtomicUsize::default(),
        });
        let trigger = Arc::new(Trigger {
            database: DatabaseTrigger::new(pool.clone(), clock.clone()),
            fails: AtomicBool::default(),
        });
        Self {
            grants: grants_of(&pool, &clock, &provider, &clients, &nextcloud, &trigger, kind),
            pool,
            clock,
            provider,
            clients,
            nextcloud,
            trigger,
            kind,
        }
    }

    /// Another process at the same database.
    pub(super) fn process(&self, pool: &PgPool) -> Grants {
        grants_of(
            pool,
            &self.clock,
            &self.provider,
            &self.clients,
            &self.nextcloud,
            &self.trigger,
            self.kind,
        )
    }

    pub(super) fn new_grant(&self, user: &str) -> NewGrant {
        NewGrant {
            principal: Principal::verified(&CurrentUser::for_test(user)),
            issuer: "https://cloud.example.test".into(),
            subject: user.into(),
            client_id: "client-1".into(),
            scopes: vec!["openid".into(), "offline_access".into()],
            answer: self.provider.issue(user),
            issued_at: self.clock.now(),
        }
    }

    pub(super) async fn consent(&self, user: &str) {
        let grant = self.new_grant(user);
        let origin = AuditOrigin::default();
        self.grants.sink.store(grant, &origin).await.unwrap();
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(super) async fn token(&self, user: &str) -> Result<String, crate::auth::CredentialError> {
        let token = self.grants.broker.access_token(&UserId::new(user)).await?;
        Ok(token.expose_secret().to_owned())
    }

    pub(super) async fn one<T>(&self, sql: &'static str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub(super) async fn state(&self) -> (String, Option<String>) {
        sqlx::query_as("select state, state_reason from grants")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Actions of the trail, in order.
    pub(super) async fn trail(&self) -> Vec<String> {
        sqlx::query_scalar("select action from audit_events order by id")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }
}

fn grants_of(
    pool: &PgPool,
    clock: &Arc<ManualClock>,
    provider: &Arc<Provider>,
    clients: &Arc<Clients>,
    nextcloud: &Arc<FakeNextcloud>,
    trigger: &Arc<Trigger>,
    kind: BackgroundCredential,
) -> Grants {
    let keys = EncryptionConfig {
        current: Zeroizing::new([7; 32]),
        previous: None,
    };
    Grants::new(GrantsParts {
        pool: pool.clone(),
        keyring: Keyring::new(&keys, Arc::new(SystemEntropy)),
        clock: clock.clone(),
        entropy: Arc::new(SystemEntropy),
        endpoint: provider.clone(),
        clients: clients.clone(),
        audit: Arc::new(TestTrail(pool.clone())),
        trigger: trigger.clone(),
        bearer: None,
        sessions: nextcloud.clone(),
        identity: nextcloud.clone(),
        app_passwords: nextcloud.clone(),
        kind,
    })
}

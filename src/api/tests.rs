//! The router as clients see it.

use super::*;
use crate::auth::oidc::testing::Trail;
use crate::auth::testing::{FakeNextcloud, NoSessions, basic_header, manual_clock, verifier};
use crate::auth::{
    AppPasswordStore, AppPasswords, BasicVerifier, CredentialError, McpGate, RemovalError, StoredAppPassword,
    SyncTrigger, Withdrawn,
};
use crate::clock::ManualClock;
use crate::config::EncryptionConfig;
use crate::crypto::Keyring;
use crate::entropy::SystemEntropy;
use crate::ids::UserId;
use crate::mcp::{
    CapabilitySource, EnabledApps, HostPolicy, Links, McpServer, McpServerParts, ProvisioningServices,
};
use crate::sandbox::Sandbox;
use crate::webhooks::{HintWaker, Ingress, IngressParts, RegistrationStore};
use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;
use zeroize::Zeroizing;

mod app_passwords;
mod health;
mod management;
mod mcp;
mod oauth;
mod unread_body;

use management::{Grants, Tokens};

const CONSENT_PAGE: &str = "https://mcp.cloud.example.org/oauth/authorize-nextcloud";
const APP_PASSWORD: &str = "aB3xY-aB3xY-aB3xY-aB3xY-aB3xY";

#[derive(Default)]
struct MemoryStore(Mutex<HashMap<UserId, StoredAppPassword>>);

#[async_trait]
impl AppPasswordStore for MemoryStore {
    async fn put(&self, stored: &StoredAppPassword) -> Result<(), CredentialError> {
        self.0.lock().unwrap().insert(stored.uid.clone(), stored.clone());
        Ok(())
    }

    async fn get(&self, user: &UserId) -> Result<Option<StoredAppPassword>, CredentialError> {
        Ok(self.0.lock().unwrap().get(user).cloned())
    }

    async fn exists(&self, user: &UserId) -> Result<bool, CredentialError> {
        Ok(self.0.lock().unwrap().contains_key(user))
    }

    async fn withdraw(&self, user: &UserId) -> Result<Withdrawn, CredentialError> {
        Ok(Withdrawn {
            existed: self.0.lock().unwrap().remove(user).is_some(),
            another_stands: false,
        })
    }

    async fn drop_refused(&self, refused: &StoredAppPassword) -> Result<bool, CredentialError> {
        Ok(self.0.lock().unwrap().remove(&refused.uid).is_some())
    }
}

#[derive(Default)]
struct Wakeups(Mutex<Vec<String>>, AtomicBool);

#[async_trait]
impl SyncTrigger for Wakeups {
    async fn user_provisioned(&self, uid: &UserId) {
        self.0.lock().unwrap().push(format!("+{uid}"));
    }

    async fn user_removed(&self, uid: &UserId) -> Result<(), RemovalError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(RemovalError::new("postgres://user:secret@db is away"));
        }
        self.0.lock().unwrap().push(format!("-{uid}"));
        Ok(())
    }
}

/// Nobody can tell which apps a user has.
struct UnknownApps;

#[async_trait]
impl CapabilitySource for UnknownApps {
    async fn apps(&self, _caller: &crate::auth::Caller) -> Option<std::collections::BTreeSet<String>> {
        None
    }
}

struct Switch(&'static str, bool, AtomicBool);

#[async_trait]
impl Probe for Switch {
    fn name(&self) -> &'static str {
        self.0
    }

    fn gates(&self) -> bool {
        self.1
    }

    async fn check(&self) -> Result<(), String> {
        if self.2.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err("postgres://user:secret@db is away".into())
        }
    }
}

/// A server in hybrid mode over fakes.
struct Server {
    router: Router,
    nextcloud: Arc<FakeNextcloud>,
    clock: Arc<ManualClock>,
    store: Arc<MemoryStore>,
    wakeups: Arc<Wakeups>,
    readiness: Readiness,
    database: Arc<Switch>,
    away: Arc<Switch>,
    tokens: Arc<Tokens>,
    access: Arc<Grants>,
    trail: Arc<Trail>,
}

impl Server {
    fn hybrid() -> Self {
        Self::with_gate(|verifier| McpGate::basic(verifier, Arc::new(NoSessions)))
    }

    fn with_gate(gate: impl FnOnce(BasicVerifier) -> McpGate) -> Self {
        Self::with(None, |_, verifier| (gate(verifier), None))
    }

    /// `doors` makes what guards `/mcp`, and what is told of it.
    fn with(
        provisioning: Option<ProvisioningServices>,
        doors: impl FnOnce(&McpServer, BasicVerifier) -> (McpGate, Option<ProtectedResource>),
    ) -> Self {
        Self::with_routes(provisioning, doors, |_| (None, None))
    }

    /// `further` makes what else is served.
    fn with_routes(
        provisioning: Option<ProvisioningServices>,
        doors: impl FnOnce(&McpServer, BasicVerifier) -> (McpGate, Option<ProtectedResource>),
        further: impl FnOnce(&ManagementState) -> (Option<Ingress>, Option<SearchRoutes>),
    ) -> Self {
        let nextcloud = FakeNextcloud::with_user("alice", APP_PASSWORD);
        nextcloud.add("bob", "bob", "another-bob-password-1234");
        let clock = manual_clock();
        let verifier = verifier(&nextcloud, &clock);
        let (store, wakeups) = (Arc::new(MemoryStore::default()), Arc::new(Wakeups::default()));
        let database = Arc::new(Switch("database", true, AtomicBool::new(true)));
        let away = Arc::new(Switch("nextcloud", false, AtomicBool::new(true)));
        let readiness = Readiness::new(vec![database.clone(), away.clone()], clock.clone());
        let trail = Arc::new(Trail::default());
        let app_passwords = AppPasswords::new(
            verifier.clone(),
            store.clone(),
            wakeups.clone(),
            trail.clone(),
            clock.clone(),
        );
        let (tokens, access) = <(Arc<Tokens>, Arc<Grants>)>::default();
        let mcp = McpServer::new(McpServerParts {
            links: Links::new(&"https://cloud.example.org/".parse().unwrap()),
            clock: clock.clone(),
            apps: EnabledApps::new(Arc::new(UnknownApps), clock.clone()),
            semantic: None,
            provisioning,
        });
        let (gate, protected_resource) = doors(&mcp, verifier.clone());
        let management = ManagementState::new(ManagementParts {
            verifier: tokens.clone(),
            access: access.clone(),
            app_passwords: Some(app_passwords.clone()),
            credentials: Arc::new(management::NoCredentials),
            webhooks: None,
            consent_page: Some(CONSENT_PAGE.into()),
            audit: Arc::new(Trail::default()),
            clock: clock.clone(),
        });
        let (webhook_ingress, search_routes) = further(&management);
        let state = ApiState::new(ApiStateParts {
            facts: StatusFacts {
                version: "0.0.0",
                auth_mode: "multi_user_basic",
                vector_sync_enabled: false,
                webhooks_enabled: false,
                supported_search_types: &[],
                rerank_available: false,
                management_api_version: "1.0",
                supports_app_passwords: Some(true),
                oidc: OidcFacts::default(),
            },
            webhook_watch: None,
            webhook_ingress,
            identity_provider: None,
            gate,
            mcp,
            hosts: HostPolicy::new(&server_config()),
            readiness: readiness.clone(),
            sync_status: None,
            app_passwords: Some(app_passwords),
            management: Some(management),
            search_routes,
            pages: None,
            protected_resource,
            trusted_proxies: Vec::new(),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
        });
        Self {
            router: router(state),
            nextcloud,
            clock,
            store,
            wakeups,
            readiness,
            database,
            away,
            tokens,
            access,
            trail,
        }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
        Answer {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    async fn call(&self, method: &str, path: &str, authorization: Option<&str>, body: &str) -> Answer {
        self.call_from("192.0.2.1:1000", method, path, authorization, body)
            .await
    }

    async fn call_from(
        &self,
        peer: &str,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        body: &str,
    ) -> Answer {
        let peer: std::net::SocketAddr = peer.parse().unwrap();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .extension(axum::extract::ConnectInfo(peer))
            .header("host", "localhost:8000");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }
}

/// A server with every route that programs use; no database answers behind it.
pub(super) fn everything() -> Router {
    let pool = PgPoolOptions::new().connect_lazy_with(PgConnectOptions::new());
    let gate = |verifier| McpGate::basic(verifier, Arc::new(NoSessions));
    let further = |management: &ManagementState| {
        let entropy = Arc::new(SystemEntropy);
        let encryption = EncryptionConfig {
            current: Zeroizing::new([7; 32]),
            previous: None,
        };
        let keyring = Keyring::new(&encryption, entropy.clone());
        let (ingress, _writer) = Ingress::new(IngressParts {
            registrations: RegistrationStore::new(pool.clone(), keyring, entropy),
            pool,
            waker: Arc::new(Nobody),
            sources: crate::sync::sources::SOURCES,
            clock: manual_clock(),
        });
        let search_routes = SearchRoutes::new(SearchRoutesParts {
            management: management.clone(),
            documents: None,
            previews: Previews::new(Sandbox::new()),
        });
        (Some(ingress), Some(search_routes))
    };
    Server::with_routes(None, |_, verifier| (gate(verifier), None), further).router
}

/// Hints are followed by nobody.
struct Nobody;

#[async_trait]
impl HintWaker for Nobody {
    async fn wake(&self) {}
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

fn server_config() -> crate::config::ServerConfig {
    crate::config::ServerConfig {
        listen: "127.0.0.1:8000".parse().unwrap(),
        role: crate::config::Role::All,
        public_url: "https://mcp.example.org".parse().unwrap(),
        webhook_internal_url: None,
        allowed_hosts: Vec::new(),
        allowed_origins: Vec::new(),
        trusted_proxies: Vec::new(),
        access_token: None,
        shutdown_grace_seconds: 1,
    }
}

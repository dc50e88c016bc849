//! The verifier against a stand-in identity provider that is asked over HTTP.

use super::*;
use crate::auth::oidc::testing::{FixedProvider, SigningKey, http_client, own_nextcloud, serve};
use crate::auth::oidc::{
    ClientAuthMethod, ClientCredentials, ClientError, ClientSource, IdentityProvider, OAuthClient,
    ProviderMetadata, ProviderProblem,
};
use crate::auth::testing::manual_clock;
use crate::auth::{Identities, Principal};
use crate::clock::{Clock, ManualClock};
use crate::config::TokenValidation;
use crate::entropy::SystemEntropy;
use async_trait::async_trait;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

mod jwt;
mod memory;
mod opaque;
mod simulator;

/// This server.
const SERVER: &str = "https://mcp.example.test";
/// How long a test waits for a provider that hangs.
const SHORT: Duration = Duration::from_millis(100);

/// What the stand-in answers.
#[derive(Clone)]
enum Reply {
    Json(Value),
    Status(u16),
    Hang,
    Huge,
    /// That value, once the test lets it go.
    Held(Arc<Notify>, Value),
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        match self {
            Self::Json(value) | Self::Held(_, value) => Json(value).into_response(),
            Self::Status(status) => (StatusCode::from_u16(status).unwrap(), "<html>").into_response(),
            Self::Huge => "x".repeat(3 * 1024 * 1024).into_response(),
            Self::Hang => unreachable!("the handler hangs before it answers"),
        }
    }
}

/// A provider that is asked over HTTP, and what it was asked.
struct Idp {
    reply: Mutex<Reply>,
    asked: AtomicUsize,
    requests: Mutex<Vec<(String, String)>>,
}

impl Idp {
    fn set(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

async fn answer(State(idp): State<Arc<Idp>>, headers: HeaderMap, body: String) -> Response {
    idp.asked.fetch_add(1, Ordering::SeqCst);
    let authorization = headers
        .get("authorization")
        .map_or(String::new(), |value| value.to_str().unwrap().to_owned());
    idp.requests.lock().unwrap().push((authorization, body));
    let reply = idp.reply.lock().unwrap().clone();
    match &reply {
        Reply::Hang => std::future::pending::<()>().await,
        Reply::Held(gate, _) => gate.notified().await,
        _ => {}
    }
    reply.into_response()
}

/// A provider that may be away.
#[derive(Debug)]
struct Provider {
    inner: FixedProvider,
    down: AtomicBool,
    auth_method: ClientAuthMethod,
}

impl Provider {
    fn problem(&self) -> Result<(), ProviderProblem> {
        if self.down.load(Ordering::SeqCst) {
            return Err(ProviderProblem::Unreachable("connection refused".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl IdentityProvider for Provider {
    fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderProblem> {
        self.inner.metadata()
    }

    async fn keys(&self, refetch: bool) -> Result<Arc<jsonwebtoken::jwk::JwkSet>, ProviderProblem> {
        self.problem()?;
        self.inner.keys(refetch).await
    }

    fn introspection_auth_method(&self) -> ClientAuthMethod {
        self.auth_method
    }
}

#[derive(Debug)]
struct OwnClient;

#[async_trait]
impl OAuthClient for OwnClient {
    async fn current(&self) -> Result<ClientCredentials, ClientError> {
        Ok(ClientCredentials {
            id: "own-client".into(),
            secret: Some(SecretString::from("own-secret")),
            source: ClientSource::Configured,
        })
    }

    async fn by_id(&self, _id: &str) -> Result<Option<ClientCredentials>, ClientError> {
        Ok(None)
    }
}

/// What a test may choose.
struct Setup {
    is_own_nextcloud: bool,
    introspection: bool,
    validation: TokenValidation,
    management_clients: Vec<String>,
    rotated: Option<Vec<Value>>,
    deadline: Duration,
    pool: Option<PgPool>,
    auth_method: ClientAuthMethod,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            is_own_nextcloud: true,
            introspection: true,
            validation: TokenValidation::Auto,
            management_clients: Vec::new(),
            rotated: None,
            deadline: Duration::from_mins(1),
            pool: None,
            auth_method: ClientAuthMethod::Basic,
        }
    }
}

struct World {
    verifier: TokenVerifier,
    clock: Arc<ManualClock>,
    idp: Arc<Idp>,
    provider: Arc<Provider>,
    issuer: String,
}

impl World {
    async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    async fn with(setup: Setup) -> Self {
        let idp = Arc::new(Idp {
            reply: Mutex::new(Reply::Status(500)),
            asked: AtomicUsize::new(0),
            requests: Mutex::new(Vec::new()),
        });
        let router = Router::new()
            .route("/apps/oidc/introspect", post(answer))
            .route("/apps/oidc/userinfo", get(answer))
            .with_state(Arc::clone(&idp));
        let base = serve(router).await;
        let mut metadata = own_nextcloud(&base);
        metadata.is_own_nextcloud = setup.is_own_nextcloud;
        // Astrolabe's tokens name another address of the same Nextcloud (facts §0 row 6).
        metadata.accepted_issuers.push("http://localhost".into());
        if !setup.introspection {
            metadata.introspection_endpoint = None;
        }
        let issuer = metadata.issuer.clone();
        let mut inner = FixedProvider::new(metadata, vec![SigningKey::first().jwk("one")]);
        if let Some(keys) = setup.rotated {
            inner = inner.rotating_to(keys);
        }
        let provider = Arc::new(Provider {
            inner,
            down: AtomicBool::new(false),
            auth_method: setup.auth_method,
        });
        let clock = manual_clock();
        let pool = setup
            .pool
            .unwrap_or_else(|| PgPool::connect_lazy("postgres://nobody@127.0.0.1:9/none").unwrap());
        let parts = TokenVerifierParts {
            provider: provider.clone(),
            client: Arc::new(OwnClient),
            identities: Identities::new(pool),
            http: http_client(),
            rules: AudienceRules::of(
                [SERVER.to_owned(), format!("{SERVER}/mcp")],
                setup.management_clients,
            ),
            validation: setup.validation,
            clock: clock.clone(),
        };
        Self {
            verifier: TokenVerifier::with_deadline(parts, &SystemEntropy, setup.deadline),
            clock,
            idp,
            provider,
            issuer,
        }
    }

    fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// The claims of an access token of the `oidc` app for alice, as recorded (`token_jwt_resource_mcp`).
    fn claims(&self) -> Value {
        json!({
            "iss": self.issuer, "sub": "alice", "aud": format!("{SERVER}/mcp"),
            "exp": self.now() + 900, "iat": self.now(), "auth_time": self.now(), "acr": "0",
            "client_id": "someClient", "azp": "someClient", "preferred_username": "Alice",
            "scope": "openid profile notes:read", "jti": "13",
        })
    }

    /// Those claims with some replaced; `null` removes one.
    fn claims_with(&self, changes: &Value) -> Value {
        let mut claims = self.claims();
        let fields = claims.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            if value.is_null() {
                fields.remove(name);
            } else {
                fields.insert(name.clone(), value.clone());
            }
        }
        claims
    }

    /// An access token with those claims.
    fn token(&self, changes: &Value) -> String {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::RS256);
        header.typ = Some("at+JWT".into());
        header.kid = Some("one".into());
        SigningKey::first().sign_with(&header, &self.claims_with(changes))
    }

    /// What introspection says of an opaque token of the `oidc` app, as recorded (`introspect_opaque_active`).
    fn active(&self) -> Value {
        json!({
            "active": true, "scope": "openid profile offline_access", "client_id": "someClient",
            "username": "alice", "token_type": "Bearer", "exp": self.now() + 1800, "iat": self.now(),
            "sub": "alice", "aud": "someClient",
        })
    }

    async fn verify(&self, token: &str, audience: Audience) -> Result<VerifiedBearer, BearerError> {
        self.verifier.verify(&SecretString::from(token), audience).await
    }

    async fn mcp(&self, token: &str) -> Result<VerifiedBearer, BearerError> {
        self.verify(token, Audience::Mcp).await
    }
}

fn uid(answer: &Result<VerifiedBearer, BearerError>) -> &str {
    answer.as_ref().unwrap().principal.user().as_str()
}

fn is_refused<T>(answer: &Result<T, BearerError>) -> bool {
    matches!(answer, Err(BearerError::Refused(_)))
}

fn is_unavailable<T>(answer: &Result<T, BearerError>) -> bool {
    matches!(answer, Err(BearerError::Unavailable { .. }))
}

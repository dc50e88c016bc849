//! A provider, a Nextcloud and a sink that do as they are told and remember what they were asked.

use crate::audit::{AuditEvent, AuditOrigin, AuditTrail};
use crate::auth::consent::{ConsentParts, ConsentService, FlowStore, PgConsentLinks};
use crate::auth::grants::{CredentialSink, GrantError, NewGrant};
use crate::auth::oidc::{
    ClientCredentials, ClientError, ClientSource, CodeExchange, IdTokenClaims, IdTokenError, IdTokens,
    IdentityProvider, OAuthClient, OAuthUrls, ProviderMetadata, ProviderProblem, RemoteRevocation,
    TokenAnswer, TokenEndpoint, TokenFailure,
};
use crate::auth::testing::manual_clock;
use crate::auth::{Identities, IdentityCheck};
use crate::clock::{Clock, ManualClock};
use crate::config::{BackgroundCredential, CliOverrides, Config, EncryptionConfig, Environment};
use crate::crypto::Keyring;
use crate::entropy::SystemEntropy;
use crate::nextcloud::{Credential, CurrentUser, NextcloudError};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgPool;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use zeroize::Zeroizing;

/// This server at `mcp.example.org`, Nextcloud at `cloud.example.org`, inside at `nextcloud.internal:8080`.
pub(crate) fn urls() -> OAuthUrls {
    let env = Environment::from_pairs([
        ("NEXTCLOUD_HOST", "http://nextcloud.internal:8080"),
        ("NEXTCLOUD_PUBLIC_URL", "https://cloud.example.org"),
        ("NEXTCLOUD_MCP_SERVER_URL", "https://mcp.example.org"),
        ("DATA_DIR", "/data"),
        ("NEXTCLOUD_USERNAME", "alice"),
        ("NEXTCLOUD_PASSWORD", "irrelevant"),
    ]);
    OAuthUrls::new(&Config::load(&env, &CliOverrides::default()).unwrap())
}

pub(crate) fn keyring() -> Keyring {
    let config = EncryptionConfig {
        current: Zeroizing::new([7; 32]),
        previous: None,
    };
    Keyring::new(&config, Arc::new(SystemEntropy))
}

/// What Nextcloud says to an access token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AtNextcloud {
    Accepts,
    Refuses,
    IsAway,
}

/// How the stand-ins answer. `code` of the callback is the UID that logs in at the provider.
#[derive(Debug, Clone)]
pub(crate) struct Behaviour {
    pub(crate) provider: Result<(), ProviderProblem>,
    pub(crate) is_own_nextcloud: bool,
    pub(crate) client_expires_at: Option<DateTime<Utc>>,
    pub(crate) exchange: Result<(), TokenFailure>,
    pub(crate) grants_refresh_token: bool,
    pub(crate) id_token: Result<(), IdTokenError>,
    pub(crate) nextcloud: AtNextcloud,
    pub(crate) sink_is_broken: bool,
}

#[derive(Debug)]
pub(crate) struct StandIns {
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) exchanges: Mutex<Vec<CodeExchange>>,
    pub(crate) nonces: Mutex<Vec<String>>,
    pub(crate) ended: Mutex<Vec<String>>,
    pub(crate) stored: Mutex<Vec<NewGrant>>,
    pub(crate) events: Mutex<Vec<AuditEvent>>,
    clock: Arc<ManualClock>,
}

impl StandIns {
    fn behaviour(&self) -> Behaviour {
        self.behaviour.lock().unwrap().clone()
    }
}

#[async_trait]
impl IdentityProvider for StandIns {
    fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderProblem> {
        let behaviour = self.behaviour();
        behaviour.provider.map(|()| {
            let at = |path: &str| {
                format!("https://cloud.example.org/apps/oidc{path}")
                    .parse()
                    .unwrap()
            };
            Arc::new(ProviderMetadata {
                issuer: "https://cloud.example.org".into(),
                accepted_issuers: vec!["https://cloud.example.org".into()],
                authorization_endpoint: at("/authorize"),
                token_endpoint: at("/token"),
                jwks_uri: at("/jwks"),
                introspection_endpoint: None,
                userinfo_endpoint: None,
                revocation_endpoint: None,
                registration_endpoint: None,
                is_own_nextcloud: behaviour.is_own_nextcloud,
            })
        })
    }

    async fn keys(&self, _refetch: bool) -> Result<Arc<jsonwebtoken::jwk::JwkSet>, ProviderProblem> {
        Ok(Arc::new(jsonwebtoken::jwk::JwkSet { keys: Vec::new() }))
    }
}

#[async_trait]
impl OAuthClient for StandIns {
    async fn current(&self) -> Result<ClientCredentials, ClientError> {
        Ok(ClientCredentials {
            id: "this-server".into(),
            secret: Some(SecretString::from("client-secret")),
            source: match self.behaviour().client_expires_at {
                None => ClientSource::Configured,
                expires_at => ClientSource::Registered { expires_at },
            },
        })
    }

    async fn by_id(&self, _id: &str) -> Result<Option<ClientCredentials>, ClientError> {
        self.current().await.map(Some)
    }
}

#[async_trait]
impl TokenEndpoint for StandIns {
    async fn exchange_code(&self, exchange: &CodeExchange) -> Result<TokenAnswer, TokenFailure> {
        self.exchanges.lock().unwrap().push(exchange.clone());
        let behaviour = self.behaviour();
        behaviour.exchange?;
        let uid = exchange.code.expose_secret();
        Ok(TokenAnswer {
            access_token: SecretString::from(format!("access-{uid}")),
            refresh_token: behaviour
                .grants_refresh_token
                .then(|| SecretString::from(format!("refresh-{uid}"))),
            expires_in: Some(Duration::from_mins(15)),
            refresh_expires_in: Some(Duration::from_mins(30)),
            id_token: Some(SecretString::from(format!("id-{uid}"))),
            scopes: None,
        })
    }

    async fn refresh(&self, _client: &str, _token: &SecretString) -> Result<TokenAnswer, TokenFailure> {
        unreachable!("no flow refreshes")
    }

    async fn end(&self, _client: &str, token: &SecretString) -> Result<RemoteRevocation, TokenFailure> {
        self.ended.lock().unwrap().push(token.expose_secret().to_owned());
        Ok(RemoteRevocation::RotatedAway)
    }
}

#[async_trait]
impl IdTokens for StandIns {
    async fn verify(
        &self,
        id_token: &SecretString,
        client_id: &str,
        nonce: &str,
    ) -> Result<IdTokenClaims, IdTokenError> {
        assert_eq!(client_id, "this-server");
        self.nonces.lock().unwrap().push(nonce.to_owned());
        self.behaviour().id_token?;
        let uid = id_token.expose_secret().strip_prefix("id-").unwrap();
        Ok(IdTokenClaims {
            issuer: "https://cloud.example.org".into(),
            subject: uid.to_owned(),
            name: None,
        })
    }
}

#[async_trait]
impl IdentityCheck for StandIns {
    async fn current_user(&self, credential: &Credential) -> Result<CurrentUser, NextcloudError> {
        let behaviour = self.behaviour();
        let Credential::Bearer(token) = credential else {
            return Err(NextcloudError::Unauthorized);
        };
        match (behaviour.nextcloud, token.expose_secret().strip_prefix("access-")) {
            (AtNextcloud::IsAway, _) => Err(NextcloudError::Maintenance { retry_after: None }),
            (AtNextcloud::Accepts, Some(uid)) => Ok(CurrentUser::for_test(uid)),
            _ => Err(NextcloudError::Unauthorized),
        }
    }
}

#[async_trait]
impl CredentialSink for StandIns {
    async fn store(
        &self,
        grant: NewGrant,
        _origin: &AuditOrigin,
    ) -> Result<Option<DateTime<Utc>>, GrantError> {
        if self.behaviour().sink_is_broken {
            return Err(GrantError::NotMinted("HTTP 403".into()));
        }
        self.stored.lock().unwrap().push(grant);
        Ok(Some(self.clock.now() + TimeDelta::minutes(30)))
    }
}

#[async_trait]
impl AuditTrail for StandIns {
    async fn record(&self, event: AuditEvent) {
        self.events.lock().unwrap().push(event);
    }
}

/// A consent service over the stand-ins.
pub(crate) struct World {
    pub(crate) parts: Arc<StandIns>,
    pub(crate) service: ConsentService,
    pub(crate) links: PgConsentLinks,
    pub(crate) clock: Arc<ManualClock>,
}

impl World {
    pub(crate) fn new(pool: &PgPool) -> Self {
        Self::with_credential(pool, BackgroundCredential::RefreshToken)
    }

    pub(crate) fn with_credential(pool: &PgPool, credential: BackgroundCredential) -> Self {
        let clock = manual_clock();
        let entropy = Arc::new(SystemEntropy);
        let parts = Arc::new(StandIns {
            behaviour: Mutex::new(Behaviour {
                provider: Ok(()),
                is_own_nextcloud: true,
                client_expires_at: None,
                exchange: Ok(()),
                grants_refresh_token: true,
                id_token: Ok(()),
                nextcloud: AtNextcloud::Accepts,
                sink_is_broken: false,
            }),
            exchanges: Mutex::default(),
            nonces: Mutex::default(),
            ended: Mutex::default(),
            stored: Mutex::default(),
            events: Mutex::default(),
            clock: clock.clone(),
        });
        let links = PgConsentLinks::new(pool.clone(), urls(), clock.clone(), entropy.clone());
        let service = ConsentService::new(ConsentParts {
            provider: parts.clone(),
            client: parts.clone(),
            tokens: parts.clone(),
            id_tokens: parts.clone(),
            nextcloud: parts.clone(),
            identities: Identities::new(pool.clone()),
            sink: parts.clone(),
            flows: FlowStore::new(pool.clone(), keyring(), clock.clone()),
            links: links.clone(),
            audit: parts.clone(),
            urls: urls(),
            clock: clock.clone(),
            entropy,
            credential,
        });
        Self {
            parts,
            service,
            links,
            clock,
        }
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.parts.behaviour.lock().unwrap());
    }

    /// How often the token endpoint was asked for a code.
    pub(crate) fn exchanges(&self) -> usize {
        self.parts.exchanges.lock().unwrap().len()
    }

    /// UIDs whose consent was stored.
    pub(crate) fn stored(&self) -> Vec<String> {
        let stored = self.parts.stored.lock().unwrap();
        stored
            .iter()
            .map(|grant| grant.principal.user().to_string())
            .collect()
    }

    /// Names of the audited actions.
    pub(crate) fn audited(&self) -> Vec<&'static str> {
        let events = self.parts.events.lock().unwrap();
        events.iter().map(|event| event.action.name()).collect()
    }
}

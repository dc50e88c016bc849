//! The configured OAuth client, or the one that this server registers and registers again before it ends.

use super::client_store::{ClientStore, ClientStoreError, StoredClient};
use super::registration::{create_client_command, register};
use super::{
    ClientCredentials, ClientError, ClientSource, IdentityProvider, IdpHttp, OAuthClient, OAuthUrls,
    ProviderMetadata,
};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::crypto::Keyring;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sqlx::PgPool;
use std::sync::Arc;
use tokio::sync::Mutex;
use url::Url;

/// A client is registered again when less of its life is left than this, or than a tenth.
const LEAST_LIFE_LEFT: TimeDelta = TimeDelta::minutes(5);
/// After a failed registration the provider is left alone for so long: Nextcloud takes ten a minute (facts §3).
const PAUSE_AFTER_FAILURE: TimeDelta = TimeDelta::seconds(30);

/// Gives the OAuth client.
#[derive(Debug)]
pub struct RegisteredClient {
    configured: Option<(String, Option<SecretString>)>,
    provider: Arc<dyn IdentityProvider>,
    http: IdpHttp,
    urls: OAuthUrls,
    store: ClientStore,
    audit: Arc<dyn AuditTrail>,
    clock: SharedClock,
    /// The last failure; held while registering, so that tasks of this process queue here and not at the database.
    failed: Mutex<Option<(DateTime<Utc>, String)>>,
}

/// What [`RegisteredClient`] works with.
#[derive(Debug)]
pub struct RegisteredClientParts {
    /// Where to register.
    pub provider: Arc<dyn IdentityProvider>,
    /// HTTP to it.
    pub http: IdpHttp,
    /// Keeps the registered client.
    pub pool: PgPool,
    /// Seals its secrets.
    pub keyring: Keyring,
    /// Is told of registrations.
    pub audit: Arc<dyn AuditTrail>,
    /// The time.
    pub clock: SharedClock,
}

impl RegisteredClient {
    /// The client of `config`; asks nobody until it is needed.
    pub fn new(config: &Config, parts: RegisteredClientParts) -> Self {
        let configured = config.oidc.client_id.clone();
        Self {
            configured: configured.map(|id| (id, config.oidc.client_secret.clone())),
            provider: parts.provider,
            http: parts.http,
            urls: OAuthUrls::new(config),
            store: ClientStore::new(parts.pool, parts.keyring),
            audit: parts.audit,
            clock: parts.clock,
            failed: Mutex::new(None),
        }
    }

    fn configured(&self) -> Option<ClientCredentials> {
        self.configured.as_ref().map(|(id, secret)| ClientCredentials {
            id: id.clone(),
            secret: secret.clone(),
            source: ClientSource::Configured,
        })
    }

    /// Registers, unless another process has done so meanwhile. A failure leaves an older client in use that still
    /// lives.
    async fn register(
        &self,
        provider: &ProviderMetadata,
        endpoint: &Url,
    ) -> Result<ClientCredentials, ClientError> {
        let mut failed = self.failed.lock().await;
        let mut transaction = self.store.lock().await?;
        let known = self.store.read(&mut transaction, &provider.issuer).await?;
        let now = self.clock.now();
        if let Some(fresh) = known.as_ref().filter(|client| self.is_fresh(client, now)) {
            return Ok(credentials(fresh));
        }
        let recent = failed.as_ref().filter(|(at, _)| now - *at < PAUSE_AFTER_FAILURE);
        let registered = if let Some((_, reason)) = recent {
            Err(reason.clone())
        } else {
            let method = self.provider.client_auth_method();
            register(&self.http, endpoint, provider, method, &self.urls).await
        };
        let registration = match registered {
            Ok(registration) => registration,
            Err(reason) => {
                if recent.is_none() {
                    tracing::warn!(reason, "the OAuth client could not be registered");
                    *failed = Some((now, reason.clone()));
                }
                let living = known.filter(|client| self.is_living(client, now));
                return living
                    .as_ref()
                    .map(credentials)
                    .ok_or(ClientError::Registration(reason));
            }
        };
        let callback = self.urls.callback();
        let stored = self
            .store
            .replace(&mut transaction, &provider.issuer, &registration, &callback, now)
            .await?;
        transaction.commit().await.map_err(ClientStoreError::from)?;
        *failed = None;
        drop(failed);
        self.tell(&stored, known.as_ref(), now).await;
        Ok(credentials(&stored))
    }

    async fn tell(&self, new: &StoredClient, old: Option<&StoredClient>, at: DateTime<Utc>) {
        let end = match new.expires_at {
            Some(end) => format!("until {}", end.format("%Y-%m-%d %H:%M UTC")),
            None => "without an end".to_owned(),
        };
        let lost = if old.is_some() {
            "; consents given to the one before end with it"
        } else {
            ""
        };
        tracing::info!(client_id = new.client_id, end, "registered as an OAuth client");
        self.audit
            .record(AuditEvent {
                at,
                action: AuditAction::ClientRegistration,
                actor: None,
                subject: None,
                origin: AuditOrigin::default(),
                detail: Some(format!("client {} {end}{lost}", new.client_id)),
            })
            .await;
    }

    fn is_living(&self, client: &StoredClient, now: DateTime<Utc>) -> bool {
        client.redirect_uri == self.urls.callback() && client.expires_at.is_none_or(|end| end > now)
    }

    fn is_fresh(&self, client: &StoredClient, now: DateTime<Utc>) -> bool {
        let enough_left = client.expires_at.is_none_or(|end| {
            let tenth = (end - client.registered_at) / 10;
            end - now > tenth.max(LEAST_LIFE_LEFT)
        });
        enough_left && self.is_living(client, now)
    }
}

#[async_trait]
impl OAuthClient for RegisteredClient {
    async fn current(&self) -> Result<ClientCredentials, ClientError> {
        if let Some(configured) = self.configured() {
            return Ok(configured);
        }
        let provider = self.provider.metadata()?;
        let known = self.store.get(&provider.issuer).await?;
        let now = self.clock.now();
        match (known, &provider.registration_endpoint) {
            (Some(client), _) if self.is_fresh(&client, now) => Ok(credentials(&client)),
            (_, Some(endpoint)) => self.register(&provider, endpoint).await,
            (Some(client), None) if self.is_living(&client, now) => Ok(credentials(&client)),
            (_, None) => Err(ClientError::NotConfigured {
                create: create_client_command(&self.urls),
            }),
        }
    }

    async fn by_id(&self, id: &str) -> Result<Option<ClientCredentials>, ClientError> {
        if let Some(configured) = self.configured().filter(|client| client.id == id) {
            return Ok(Some(configured));
        }
        let issuer = &self.provider.metadata()?.issuer;
        let known = self.store.get(issuer).await?;
        Ok(known
            .filter(|client| client.client_id == id)
            .as_ref()
            .map(credentials))
    }
}

impl From<ClientStoreError> for ClientError {
    fn from(error: ClientStoreError) -> Self {
        match error {
            ClientStoreError::Database(error) => {
                tracing::warn!(%error, "the registered OAuth client cannot be stored or read");
                Self::Store
            }
            // The operator may bring the key back.
            sealed @ ClientStoreError::Envelope(_) => Self::Registration(sealed.to_string()),
        }
    }
}

fn credentials(client: &StoredClient) -> ClientCredentials {
    ClientCredentials {
        id: client.client_id.clone(),
        secret: client.secret.clone(),
        source: ClientSource::Registered {
            expires_at: client.expires_at,
        },
    }
}

#[cfg(test)]
mod tests;

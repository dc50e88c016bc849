//! The parts of this module put together.

use super::AppPasswordApi;
use super::departed::Departed;
use super::grant_store::GrantStore;
use super::mint::Mint;
use super::revocation::Revocations;
use super::{
    BackgroundCredentials, BrokerParts, ConsentSink, PendingRevocations, StoredAccess, TokenBroker, Upkeep,
};
use crate::audit::AuditTrail;
use crate::auth::bearer::BearerVerifier;
use crate::auth::oidc::{OAuthClient, TokenEndpoint};
use crate::auth::{IdentityCheck, OpenSession, PgAppPasswordStore, StoredCredentials, SyncTrigger};
use crate::clock::SharedClock;
use crate::config::BackgroundCredential;
use crate::crypto::Keyring;
use crate::entropy::SharedEntropy;
use sqlx::PgPool;
use std::sync::Arc;

/// What consented credentials need of the rest of the server.
pub struct GrantsParts {
    /// Where they stand.
    pub pool: PgPool,
    /// Seals them.
    pub keyring: Keyring,
    /// Time.
    pub clock: SharedClock,
    /// Jitter and device names.
    pub entropy: SharedEntropy,
    /// The identity provider's token endpoint.
    pub endpoint: Arc<dyn TokenEndpoint>,
    /// This server's OAuth clients.
    pub clients: Arc<dyn OAuthClient>,
    /// Learns what happens.
    pub audit: Arc<dyn AuditTrail>,
    /// Tells the sync that users come and go.
    pub trigger: Arc<dyn SyncTrigger>,
    /// Forgets believed tokens of users who revoke; `None` where no bearers are verified.
    pub bearer: Option<Arc<dyn BearerVerifier>>,
    /// Opens sessions at Nextcloud.
    pub sessions: Arc<dyn OpenSession>,
    /// Asks Nextcloud whose credential one is.
    pub identity: Arc<dyn IdentityCheck>,
    /// Makes and ends app passwords at Nextcloud.
    pub app_passwords: Arc<dyn AppPasswordApi>,
    /// `BACKGROUND_CREDENTIAL`.
    pub kind: BackgroundCredential,
}

/// Consented credentials, ready for use.
#[derive(Debug, Clone)]
pub struct Grants {
    /// Access tokens.
    pub broker: TokenBroker,
    /// Takes consents.
    pub sink: Arc<ConsentSink>,
    /// Status, scopes, revocation.
    pub access: Arc<StoredAccess>,
    /// Credentials of background work.
    pub credentials: Arc<BackgroundCredentials>,
    /// For the worker.
    pub upkeep: Arc<Upkeep>,
}

impl Grants {
    /// Puts the parts together; asks nobody.
    pub fn new(parts: GrantsParts) -> Self {
        let store = GrantStore::new(parts.pool.clone(), parts.keyring.clone());
        let pending = PendingRevocations::new(parts.keyring.clone());
        let app_passwords =
            PgAppPasswordStore::new(parts.pool.clone(), parts.keyring.clone(), parts.clock.clone());
        let broker = TokenBroker::new(BrokerParts {
            pool: parts.pool.clone(),
            keyring: parts.keyring,
            clock: parts.clock.clone(),
            entropy: parts.entropy.clone(),
            endpoint: parts.endpoint.clone(),
            clients: parts.clients,
            audit: parts.audit.clone(),
        });
        let mint = Arc::new(Mint {
            pool: parts.pool.clone(),
            clock: parts.clock.clone(),
            entropy: parts.entropy.clone(),
            api: parts.app_passwords.clone(),
            audit: parts.audit.clone(),
        });
        let access = Arc::new(StoredAccess {
            store: store.clone(),
            app_passwords: app_passwords.clone(),
            pending: pending.clone(),
            clock: parts.clock.clone(),
            audit: parts.audit.clone(),
            trigger: parts.trigger.clone(),
            bearer: parts.bearer,
        });
        let sink = Arc::new(ConsentSink {
            kind: parts.kind,
            store,
            app_passwords: app_passwords.clone(),
            pending: pending.clone(),
            mint: mint.clone(),
            clock: parts.clock.clone(),
            entropy: parts.entropy,
            audit: parts.audit.clone(),
            trigger: parts.trigger,
        });
        let credentials = Arc::new(BackgroundCredentials::new(
            broker.clone(),
            StoredCredentials::new(
                Arc::new(app_passwords),
                parts.sessions.clone(),
                parts.identity.clone(),
                parts.audit.clone(),
                parts.clock.clone(),
            ),
            parts.sessions,
            parts.identity.clone(),
            parts.clock.clone(),
        ));
        let upkeep = Arc::new(Upkeep {
            broker: broker.clone(),
            departed: Departed {
                broker: broker.clone(),
                access: access.clone(),
                identity: parts.identity,
            },
            revocations: Revocations {
                pool: parts.pool,
                pending,
                clock: parts.clock,
                endpoint: parts.endpoint,
                app_passwords: parts.app_passwords,
                audit: parts.audit,
            },
            mint,
        });
        Self {
            broker,
            sink,
            access,
            credentials,
            upkeep,
        }
    }
}

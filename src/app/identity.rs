//! Who may call and which credential works in the background, by mode.

use super::Foundation;
use crate::audit::PgAuditTrail;
use crate::auth::{
    AppPasswords, BasicVerifier, ConfiguredCredentials, CredentialProvider, McpGate, PgAppPasswordStore,
    RemovalError, SyncTrigger,
};
use crate::config::{Config, Mode};
use crate::ids::UserId;
use crate::nextcloud::Nextcloud;
use crate::sync::{DatabaseTrigger, SyncEngine, SyncError};
use crate::worker::{self, Job};
use async_trait::async_trait;
use sqlx::PgPool;
use std::sync::{Arc, PoisonError, RwLock};

/// What the mode decides.
pub(super) struct Identity {
    /// Who may use `/mcp`; in OAuth mode [`super::oauth::OAuth`] decides instead.
    pub(super) gate: McpGate,
    /// Credentials of the background work; `None` when the mode has none. Those that users consent to come from
    /// [`super::oauth::OAuth`].
    pub(super) background: Option<Arc<dyn CredentialProvider>>,
    /// The routes that take app passwords; `None` unless users may hand them over.
    pub(super) app_passwords: Option<AppPasswords>,
    /// The one account of single-user mode.
    pub(super) account: Option<Arc<ConfiguredCredentials>>,
    /// Wakes the sync when a user comes or goes.
    pub(super) trigger: Arc<EngineTrigger>,
}

impl Identity {
    pub(super) fn new(config: &Config, foundation: &Foundation, nextcloud: &Nextcloud) -> Self {
        let sessions = Arc::new(nextcloud.clone());
        let verifier = BasicVerifier::new(
            sessions.clone(),
            foundation.clock.clone(),
            foundation.entropy.as_ref(),
        );
        let trigger = Arc::new(EngineTrigger::new(foundation));
        let mut identity = Self {
            gate: McpGate::bearer_only(),
            background: None,
            app_passwords: None,
            account: None,
            trigger,
        };
        match &config.mode {
            Mode::SingleUserBasic { login_name, password } => {
                let account = Arc::new(ConfiguredCredentials::new(
                    login_name.clone(),
                    password.clone(),
                    verifier,
                    sessions,
                ));
                identity.gate = McpGate::single_user(account.clone(), config.server.access_token.clone());
                identity.background = Some(account.clone());
                identity.account = Some(account);
            }
            Mode::MultiUserBasic | Mode::Hybrid => {
                identity.gate = McpGate::basic(verifier.clone(), sessions);
                identity.take_app_passwords(config, foundation, verifier);
            }
            Mode::OAuth { .. } => identity.take_app_passwords(config, foundation, verifier),
        }
        identity
    }

    /// Users may hand over app passwords where the mode stores credentials.
    fn take_app_passwords(&mut self, config: &Config, foundation: &Foundation, verifier: BasicVerifier) {
        let stores = config.mode.stores_credentials();
        if let Some(keyring) = foundation.keyring.clone().filter(|_| stores) {
            let store = Arc::new(PgAppPasswordStore::new(
                foundation.pool().clone(),
                keyring,
                foundation.clock.clone(),
            ));
            self.app_passwords = Some(AppPasswords::new(
                verifier,
                store,
                self.trigger.clone(),
                Arc::new(PgAuditTrail::new(foundation.pool().clone())),
                foundation.clock.clone(),
            ));
        }
    }
}

/// Tells the engine once it stands; before that, and without a sync, the database alone.
pub(super) struct EngineTrigger {
    sync: RwLock<Option<(Arc<SyncEngine>, PgPool)>>,
    without_engine: DatabaseTrigger,
}

impl EngineTrigger {
    fn new(foundation: &Foundation) -> Self {
        Self {
            sync: RwLock::default(),
            without_engine: DatabaseTrigger::new(foundation.pool().clone(), foundation.clock.clone()),
        }
    }

    /// From now on the engine is told.
    pub(super) fn connect(&self, engine: Arc<SyncEngine>, pool: PgPool) {
        *self.sync.write().unwrap_or_else(PoisonError::into_inner) = Some((engine, pool));
    }

    fn connected(&self) -> Option<(Arc<SyncEngine>, PgPool)> {
        self.sync.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[async_trait]
impl SyncTrigger for EngineTrigger {
    async fn user_provisioned(&self, uid: &UserId) {
        let Some((engine, pool)) = self.connected() else {
            return self.without_engine.user_provisioned(uid).await;
        };
        if let Err(error) = engine.enqueue_user(uid).await {
            tracing::warn!(%error, "the first scan waits for the next housekeeping");
        } else if let Err(error) = wake(&pool, uid).await {
            tracing::warn!(%error, "the first scan waits for the next tick");
        }
    }

    async fn user_removed(&self, uid: &UserId) -> Result<(), RemovalError> {
        let Some((engine, _)) = self.connected() else {
            return self.without_engine.user_removed(uid).await;
        };
        match engine.remove_user(uid).await {
            // The database knows of the removal by then: housekeeping catches the index up.
            Err(error @ SyncError::Index(_)) => {
                tracing::error!(%error, "the index entries of a removed user could not be purged yet");
                Ok(())
            }
            answer => answer.map_err(RemovalError::new),
        }
    }
}

/// Starts the user's scan without waiting for the ticker.
async fn wake(pool: &PgPool, uid: &UserId) -> Result<(), WakeError> {
    let mut connection = pool.acquire().await?;
    Ok(worker::push(&mut connection, &Job::ScanUser { uid: uid.clone() }).await?)
}

/// A wake-up could not be queued.
#[derive(Debug, thiserror::Error)]
enum WakeError {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Queue(#[from] worker::QueueError),
}

//! Access tokens for whoever works in a user's name.
//!
//! The truth stands in the database: the sealed access token is shared by all processes. In this process one task per
//! user refreshes while the others wait; across processes the lease decides, and who does not get it reads the row until
//! the result is there. A refresh runs in a task of its own, so that a caller who goes away does not cut it short.

use super::grant_state::{Grant, GrantState};
use super::grant_store::GrantStore;
use super::lease::Lease;
use super::refresh::{Outcome, Refresher};
use super::single_flight::SingleFlight;
use super::{GrantError, PendingRevocations};
use crate::audit::AuditTrail;
use crate::auth::CredentialError;
use crate::auth::oidc::{OAuthClient, TokenEndpoint};
use crate::clock::SharedClock;
use crate::crypto::Keyring;
use crate::entropy::SharedEntropy;
use crate::ids::UserId;
use futures::StreamExt;
use secrecy::SecretString;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::TaskTracker;

/// How long a caller waits for another process's refresh: a little more than the token endpoint's time limit.
const PATIENCE: Duration = Duration::from_secs(20);

/// First pause between two looks at the row.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// Longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Refreshes ahead of time that run side by side.
const CONCURRENT_REFRESHES: usize = 8;

/// What a [`TokenBroker`] works with.
#[derive(Debug)]
pub struct BrokerParts {
    /// Where grants stand.
    pub pool: PgPool,
    /// Opens and seals tokens.
    pub keyring: Keyring,
    /// Time.
    pub clock: SharedClock,
    /// Jitter.
    pub entropy: SharedEntropy,
    /// Refreshes tokens.
    pub endpoint: Arc<dyn TokenEndpoint>,
    /// Knows this server's OAuth clients.
    pub clients: Arc<dyn OAuthClient>,
    /// Learns of grants that died.
    pub audit: Arc<dyn AuditTrail>,
}

/// Gives access tokens of stored grants and keeps the grants alive. Clones share everything.
#[derive(Debug, Clone)]
pub struct TokenBroker {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    refresher: Arc<Refresher>,
    flights: SingleFlight,
    tasks: TaskTracker,
}

/// What a look at the row told.
enum Look {
    Ready(SecretString),
    Stale(Box<Grant>),
}

impl TokenBroker {
    /// A broker over the grants in `parts.pool`'s database.
    pub fn new(parts: BrokerParts) -> Self {
        let refresher = Refresher {
            store: GrantStore::new(parts.pool, parts.keyring.clone()),
            pending: PendingRevocations::new(parts.keyring),
            clock: parts.clock,
            entropy: parts.entropy,
            endpoint: parts.endpoint,
            clients: parts.clients,
            audit: parts.audit,
        };
        Self {
            inner: Arc::new(Inner {
                refresher: Arc::new(refresher),
                flights: SingleFlight::default(),
                tasks: TaskTracker::new(),
            }),
        }
    }

    pub(super) fn store(&self) -> &GrantStore {
        &self.inner.refresher.store
    }

    pub(super) fn refresher(&self) -> &Refresher {
        &self.inner.refresher
    }

    /// An access token of `user` that is good for a while; refreshed first when it is not.
    ///
    /// # Errors
    /// [`CredentialError::NotProvisioned`] without a grant, [`CredentialError::Unusable`] with the reason when the user
    /// or the operator must act, [`CredentialError::Temporary`] while the identity provider is away.
    pub async fn access_token(&self, user: &UserId) -> Result<SecretString, CredentialError> {
        if let Look::Ready(token) = self.look(user).await? {
            return Ok(token);
        }
        let _flight = self.inner.flights.enter(user).await;
        let (began, mut pause, mut refreshed) = (Instant::now(), FIRST_PAUSE, false);
        loop {
            let grant = match self.look(user).await? {
                Look::Ready(token) => return Ok(token),
                // Each round would use up a refresh token, and no caller gets anything.
                Look::Stale(_) if refreshed => {
                    return Err(CredentialError::Temporary(
                        "its access tokens end as soon as they are issued".to_owned(),
                    ));
                }
                Look::Stale(grant) => grant,
            };
            let now = self.inner.refresher.clock.now();
            if let Some(lease) = self.store().claim(*grant, now).await.map_err(unusable)? {
                refreshed = self.refresh(lease).await.map_err(unusable)? == Outcome::Refreshed;
                continue;
            }
            if began.elapsed() >= PATIENCE {
                return Err(CredentialError::Temporary(
                    "its access token is being refreshed elsewhere".to_owned(),
                ));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn look(&self, user: &UserId) -> Result<Look, CredentialError> {
        let grant = self.store().find(user).await.map_err(unusable)?;
        let grant = grant.ok_or(CredentialError::NotProvisioned)?;
        let now = self.inner.refresher.clock.now();
        match grant.state {
            GrantState::ReauthRequired | GrantState::OperatorActionRequired => {
                Err(CredentialError::Unusable(reason(&grant)))
            }
            // What an unfinished refresh leaves may be dead: nobody gets it before a refresh has told.
            GrantState::Active if grant.has_usable_token(now) => {
                let token = self.store().access_token(&grant).map_err(unusable)?;
                token.map(Look::Ready).ok_or(CredentialError::NotProvisioned)
            }
            GrantState::Active | GrantState::Uncertain if grant.is_backing_off(now) => {
                Err(CredentialError::Temporary(reason(&grant)))
            }
            _ => Ok(Look::Stale(Box::new(grant))),
        }
    }

    /// Refreshes up to `limit` grants that are due, whether anybody uses them or not. One that fails does not stop the
    /// others. Returns whose turn it was, and how it ended.
    pub(super) async fn refresh_due(&self, limit: i64) -> Result<Vec<(UserId, Outcome)>, GrantError> {
        let due = self.store().due(self.inner.refresher.clock.now(), limit).await?;
        let results: Vec<_> = futures::stream::iter(due)
            .map(|user| async move {
                let outcome = self.refresh_if_due(&user).await?;
                Ok(outcome.map(|outcome| (user, outcome)))
            })
            .buffer_unordered(CONCURRENT_REFRESHES)
            .collect()
            .await;
        results.into_iter().filter_map(Result::transpose).collect()
    }

    async fn refresh_if_due(&self, user: &UserId) -> Result<Option<Outcome>, GrantError> {
        let Some(grant) = self.store().find(user).await? else {
            return Ok(None);
        };
        let now = self.inner.refresher.clock.now();
        let cut_short = grant.lease_until.is_some_and(|until| until <= now);
        if !cut_short && grant.refresh_due_at.is_none_or(|due| due > now) {
            return Ok(None);
        }
        match self.store().claim(grant, now).await? {
            Some(lease) => self.refresh(lease).await.map(Some),
            None => Ok(None),
        }
    }

    async fn refresh(&self, lease: Lease) -> Result<Outcome, GrantError> {
        let refresher = Arc::clone(&self.inner.refresher);
        let task = self.inner.tasks.spawn(async move { refresher.run(lease).await });
        // A task that was aborted or panicked left its lease behind: the next claim sees that.
        task.await.unwrap_or(Ok(Outcome::LeaseLost))
    }

    /// Waits until no refresh runs any more; call it when nobody asks for tokens any more, before the database is closed.
    pub async fn finish(&self) {
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }
}

fn reason(grant: &Grant) -> String {
    grant
        .state_reason
        .clone()
        .unwrap_or_else(|| grant.state.name().to_owned())
}

pub(super) fn unusable(error: GrantError) -> CredentialError {
    match error {
        GrantError::Database(error) => CredentialError::Database(error),
        error => CredentialError::Unusable(error.to_string()),
    }
}

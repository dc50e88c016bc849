//! The identity provider, asked in the background again and again, so that nobody who needs it waits for it.

use super::discovery::{Checked, DiscoveryError, DiscoveryRules, Found};
use super::key_set::{KeySet, LONGEST_USE};
use super::key_store::KeyStore;
use super::{ClientAuthMethod, IdentityProvider, IdpHttp, ProviderMetadata, ProviderProblem};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::entropy::SharedEntropy;
use async_trait::async_trait;
use jsonwebtoken::jwk::JwkSet;
use sqlx::PgPool;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use url::Url;

/// How often a known provider's document and keys are read again.
const REFRESH: Duration = Duration::from_hours(1);
/// Bounds of the pause after a failure: it doubles from the first to the second, and all of it is jitter.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// However the dice fall, a provider that is away is not asked in a tight loop.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The shortest pause after an answer that only an operator can change; as much again is jitter.
const OPERATOR_PAUSE: Duration = Duration::from_secs(30);

/// What is known.
#[derive(Debug, Default)]
struct Knowledge {
    checked: Option<Checked>,
    problem: Option<ProviderProblem>,
    failures: u32,
}

/// The configured identity provider: Nextcloud's `oidc` app or the one of `OIDC_DISCOVERY_URL`.
#[derive(Debug)]
pub struct KnownProvider {
    rules: DiscoveryRules,
    http: IdpHttp,
    store: KeyStore,
    keys: KeySet,
    clock: SharedClock,
    entropy: SharedEntropy,
    knowledge: RwLock<Knowledge>,
}

impl KnownProvider {
    /// Knows nothing yet and asks nobody: [`KnownProvider::run`] does.
    pub fn new(
        config: &Config,
        http: IdpHttp,
        pool: PgPool,
        clock: SharedClock,
        entropy: SharedEntropy,
    ) -> Self {
        let store = KeyStore::new(pool);
        Self {
            rules: DiscoveryRules::new(config),
            keys: KeySet::new(http.clone(), store.clone(), clock.clone()),
            http,
            store,
            clock,
            entropy,
            knowledge: RwLock::default(),
        }
    }

    /// Discovers the provider and keeps what is known of it fresh, until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        loop {
            let pause = tokio::select! {
                pause = self.step() => pause,
                () = shutdown.cancelled() => return,
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = shutdown.cancelled() => return,
            }
        }
    }

    /// Reads document and keys once; says how long to wait before the next time.
    pub async fn step(&self) -> Duration {
        let error = match self.discover().await {
            Ok(checked) => match self.keys.get(&checked, true).await {
                Ok(_keys) => {
                    self.change(|knowledge| knowledge.failures = 0);
                    return REFRESH;
                }
                Err(problem) => {
                    tracing::warn!(%problem, "the identity provider's keys could not be read");
                    DiscoveryError::Away(problem.to_string())
                }
            },
            Err(error) => error,
        };
        let failures = self.change(|knowledge| {
            knowledge.failures = knowledge.failures.saturating_add(1);
            knowledge.failures
        });
        pause_after(&error, failures, self.fraction())
    }

    /// Reads the document once, for `doctor` and the start of a command.
    pub async fn fetch_once(&self) -> Result<Arc<ProviderMetadata>, ProviderProblem> {
        let checked = self.discover().await?;
        Ok(checked.metadata)
    }

    async fn discover(&self) -> Result<Checked, DiscoveryError> {
        let found = self.rules.fetch(&self.http).await;
        match found.and_then(|found| self.rules.check(found)) {
            Ok(checked) => {
                self.learned(checked.clone());
                Ok(checked)
            }
            Err(error) => {
                self.failed(&error).await;
                Err(error)
            }
        }
    }

    fn learned(&self, checked: Checked) {
        self.change(|knowledge| {
            if knowledge.checked.is_none() || knowledge.problem.is_some() {
                tracing::info!(issuer = checked.metadata.issuer, "the identity provider is known");
            }
            knowledge.checked = Some(checked);
            knowledge.problem = None;
        });
    }

    /// A provider that is away keeps its last good document; one that tells something else now is believed in that.
    async fn failed(&self, error: &DiscoveryError) {
        let problem = ProviderProblem::from(error.clone());
        let is_refused = matches!(problem, ProviderProblem::Refused(_));
        let knows_none = self.change(|knowledge| {
            if knowledge.problem.as_ref() != Some(&problem) {
                tracing::warn!(%problem, "OAuth is out of order");
            }
            knowledge.problem = Some(problem);
            if is_refused {
                knowledge.checked = None;
            }
            knowledge.checked.is_none()
        });
        if knows_none && !is_refused {
            self.restore().await;
        }
    }

    /// What an earlier run of this server knew, checked by the rules of today.
    async fn restore(&self) {
        let since = self.clock.now() - LONGEST_USE;
        let remembered = match self.store.newest(&self.rules.candidates(), since).await {
            Ok(Some(remembered)) => remembered,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "what was known of the identity provider cannot be read");
                return;
            }
        };
        let Ok(at) = Url::parse(&remembered.discovery_url) else {
            return;
        };
        let found = Found {
            document: remembered.document,
            at,
        };
        if let Ok(checked) = self.rules.check(found) {
            self.keys.restore(&remembered.keys, remembered.fetched_at);
            self.change(|knowledge| knowledge.checked = Some(checked));
        }
    }

    fn checked(&self) -> Result<Checked, ProviderProblem> {
        let knowledge = self.knowledge.read().unwrap_or_else(PoisonError::into_inner);
        knowledge.checked.clone().ok_or_else(|| {
            let asked = knowledge.problem.clone();
            asked.unwrap_or_else(|| ProviderProblem::Unreachable("it has not answered yet".to_owned()))
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Knowledge) -> T) -> T {
        change(&mut self.knowledge.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// A random number in 0…1.
    fn fraction(&self) -> f64 {
        let mut random = [0; 4];
        self.entropy.fill(&mut random);
        f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX)
    }
}

#[async_trait]
impl IdentityProvider for KnownProvider {
    fn metadata(&self) -> Result<Arc<ProviderMetadata>, ProviderProblem> {
        self.checked().map(|checked| checked.metadata)
    }

    async fn keys(&self, refetch: bool) -> Result<Arc<JwkSet>, ProviderProblem> {
        let checked = self.checked()?;
        self.keys.get(&checked, refetch).await
    }

    fn client_auth_method(&self) -> ClientAuthMethod {
        self.checked()
            .map(|checked| checked.client_auth_method)
            .unwrap_or_default()
    }

    fn introspection_auth_method(&self) -> ClientAuthMethod {
        self.checked()
            .map(|checked| checked.introspection_auth_method)
            .unwrap_or_default()
    }
}

/// The pause after the `failures`th failure in a row; `fraction` in 0…1 is the jitter.
fn pause_after(error: &DiscoveryError, failures: u32, fraction: f64) -> Duration {
    match error {
        DiscoveryError::Away(_) => {
            let doublings = failures.saturating_sub(1).min(16);
            let longest = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
            longest.mul_f64(fraction).max(SHORTEST_PAUSE)
        }
        DiscoveryError::NotThere(_) | DiscoveryError::Refused(_) => OPERATOR_PAUSE.mul_f64(1.0 + fraction),
    }
}

#[cfg(test)]
mod tests;

//! Basic credentials, checked at Nextcloud.
//!
//! A check costs Nextcloud a slow password hash (facts §0 row 21), and more than ten wrong passwords from this
//! server's address lock out everyone (row 8). So answers are cached under an HMAC, equal credentials are
//! checked once at a time, and budgets stand before Nextcloud for every credential that never worked here.

use super::{AuthError, Challenge, Principal, RejectedCredential, SlidingWindow};
use crate::clock::SharedClock;
use crate::entropy::Entropy;
use crate::nextcloud::{Credential, CurrentUser, Nextcloud, NextcloudError};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use moka::future::Cache;
use secrecy::ExposeSecret;
use sha2::Sha256;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// A verified credential is asked again after this time: a changed password works no longer than this.
const ACCEPTED_FOR: TimeDelta = TimeDelta::seconds(60);
/// A refused credential is not asked again within this time.
const REFUSED_FOR: TimeDelta = TimeDelta::seconds(30);
/// A credential that worked within this time may be asked again although the budgets are spent.
const KNOWN_FOR: TimeDelta = TimeDelta::hours(24);
/// Credentials remembered.
const CAPACITY: u64 = 10_000;
/// Wrong passwords of one client address within [`CLIENT_WINDOW`].
const CLIENT_FAILURES: usize = 3;
const CLIENT_WINDOW: Duration = Duration::from_mins(10);
/// Wrong passwords of all addresses within [`GLOBAL_WINDOW`]. With [`UNKNOWN_AT_ONCE`] in flight beyond the last
/// counted one, at most nine reach Nextcloud, whose limit is ten in 30 minutes.
const GLOBAL_FAILURES: usize = 6;
const GLOBAL_WINDOW: Duration = Duration::from_mins(30);
/// Checks of unknown credentials at one time.
const UNKNOWN_AT_ONCE: usize = 4;
/// What a caller is told to wait when Nextcloud does not say.
const UNAVAILABLE_RETRY: Duration = Duration::from_secs(10);

/// Asks Nextcloud whose credential it is.
#[async_trait]
pub trait IdentityCheck: Send + Sync {
    /// OCS v2 `/cloud/user` with this credential.
    async fn current_user(&self, credential: &Credential) -> Result<CurrentUser, NextcloudError>;
}

#[async_trait]
impl IdentityCheck for Nextcloud {
    async fn current_user(&self, credential: &Credential) -> Result<CurrentUser, NextcloudError> {
        Self::current_user(self, credential).await
    }
}

/// Whether a cached acceptance is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// At most 60 seconds old.
    Cached,
    /// Asked now; cached refusals and budgets still hold.
    Live,
}

/// Checks Basic credentials. Clones share the cache and the budgets.
#[derive(Clone)]
pub struct BasicVerifier {
    inner: Arc<Inner>,
}

struct Inner {
    identity: Arc<dyn IdentityCheck>,
    clock: SharedClock,
    /// Lives as long as the process, so that the cache holds nothing a password could be found from.
    key: Zeroizing<[u8; 64]>,
    answers: Cache<CacheKey, Answer>,
    per_client: SlidingWindow<IpAddr>,
    global: SlidingWindow<()>,
    unknown: Semaphore,
}

type CacheKey = [u8; 32];

#[derive(Clone)]
struct Answer {
    outcome: Result<Principal, AuthError>,
    at: DateTime<Utc>,
    /// When Nextcloud last took the credential. Outages do not touch it; a refusal clears it.
    worked_at: Option<DateTime<Utc>>,
}

impl Answer {
    fn is_current(&self, now: DateTime<Utc>, freshness: Freshness) -> bool {
        let age = now - self.at;
        match &self.outcome {
            Ok(_) => freshness == Freshness::Cached && age < ACCEPTED_FOR,
            Err(AuthError::Refused(_)) => age < REFUSED_FOR,
            Err(_) => false,
        }
    }

    /// Worked lately, so it is no guess.
    fn is_known(&self, now: DateTime<Utc>) -> bool {
        self.worked_at.is_some_and(|at| now - at < KNOWN_FOR)
    }
}

impl std::fmt::Debug for BasicVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BasicVerifier")
            .field("cached", &self.inner.answers.entry_count())
            .finish_non_exhaustive()
    }
}

impl BasicVerifier {
    /// A verifier with an empty cache, full budgets and a key of its own.
    pub fn new(identity: Arc<dyn IdentityCheck>, clock: SharedClock, entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        entropy.fill(&mut *key);
        Self {
            inner: Arc::new(Inner {
                identity,
                key,
                answers: Cache::new(CAPACITY),
                per_client: SlidingWindow::new(CLIENT_FAILURES, CLIENT_WINDOW, clock.clone()),
                global: SlidingWindow::new(GLOBAL_FAILURES, GLOBAL_WINDOW, clock.clone()),
                unknown: Semaphore::new(UNKNOWN_AT_ONCE),
                clock,
            }),
        }
    }

    /// Checks an `Authorization` header value that came from `client`.
    pub async fn verify(
        &self,
        header: Option<&[u8]>,
        client: IpAddr,
    ) -> Result<(Principal, Credential), AuthError> {
        let credential = super::gate::basic_credential(header)?;
        let principal = self
            .verify_credential(&credential, client, Freshness::Cached)
            .await?;
        Ok((principal, credential))
    }

    /// Checks a credential that came from `client`.
    pub async fn verify_credential(
        &self,
        credential: &Credential,
        client: IpAddr,
        freshness: Freshness,
    ) -> Result<Principal, AuthError> {
        let inner = &self.inner;
        let key = inner.cache_key(credential);
        let now = inner.clock.now();
        let client = budget_address(client);
        let last = inner.answers.get(&key).await;
        if let Some(answer) = &last
            && answer.is_current(now, freshness)
        {
            return answer.outcome.clone();
        }
        let known = last.as_ref().is_some_and(|answer| answer.is_known(now));
        if !known && let Err(throttled) = inner.check_budgets(client) {
            // A password that was wrong before is still wrong: say so rather than "try later".
            return Err(match last.map(|answer| answer.outcome) {
                Some(Err(refused @ AuthError::Refused(_))) => refused,
                _ => throttled,
            });
        }
        let asked = Arc::clone(inner);
        let credential = credential.clone();
        // A task of its own: a caller that hangs up must not lose the count of an attempt that Nextcloud saw.
        let check = async move {
            let task = tokio::spawn(async move { asked.ask(&credential, client, known).await });
            let outcome = task.await.unwrap_or(Err(AuthError::Unavailable {
                retry_after: UNAVAILABLE_RETRY,
            }));
            let at = inner.clock.now();
            let worked_at = match &outcome {
                Ok(_) => Some(at),
                Err(AuthError::Refused(_)) => None,
                // Read again: it may have been refused in a request while this check was under way.
                Err(_) => inner.answers.get(&key).await.and_then(|answer| answer.worked_at),
            };
            Answer {
                outcome,
                at,
                worked_at,
            }
        };
        let replace = |answer: &Answer| !answer.is_current(now, freshness);
        inner
            .answers
            .entry(key)
            .or_insert_with_if(check, replace)
            .await
            .into_value()
            .outcome
    }

    /// Forgets that a credential worked: Nextcloud has just refused it in a request.
    pub async fn refuse(&self, credential: &Credential) {
        let answer = Answer {
            outcome: Err(AuthError::Refused(Challenge::Basic)),
            at: self.inner.clock.now(),
            worked_at: None,
        };
        self.inner
            .answers
            .insert(self.inner.cache_key(credential), answer)
            .await;
        self.inner.global.record(());
    }
}

#[async_trait]
impl RejectedCredential for BasicVerifier {
    async fn rejected(&self, credential: &Credential) {
        self.refuse(credential).await;
    }
}

impl Inner {
    fn cache_key(&self, credential: &Credential) -> CacheKey {
        let mut mac = Hmac::<Sha256>::new((&*self.key).into());
        match credential {
            Credential::Basic { login_name, password } => {
                mac.update(login_name.as_str().as_bytes());
                mac.update(&[0]);
                mac.update(password.expose_secret().as_bytes());
            }
            Credential::Bearer(token) => {
                mac.update(&[0]);
                mac.update(token.expose_secret().as_bytes());
            }
        }
        mac.finalize().into_bytes().into()
    }

    fn check_budgets(&self, client: IpAddr) -> Result<(), AuthError> {
        self.per_client
            .check(&client)
            .and_then(|()| self.global.check(&()))
            .map_err(|full| AuthError::Throttled {
                retry_after: full.retry_after,
            })
    }

    async fn ask(
        &self,
        credential: &Credential,
        client: IpAddr,
        known: bool,
    ) -> Result<Principal, AuthError> {
        let permit = if known {
            None
        } else {
            let permit = self.unknown.acquire().await;
            // Others may have spent the budget while this one waited.
            self.check_budgets(client)?;
            Some(permit)
        };
        let answer = self.identity.current_user(credential).await;
        if matches!(answer, Err(NextcloudError::Unauthorized)) {
            self.per_client.record(client);
            self.global.record(());
        }
        drop(permit);
        answer.map(|user| Principal::verified(&user)).map_err(auth_error)
    }
}

fn auth_error(error: NextcloudError) -> AuthError {
    match error {
        NextcloudError::Unauthorized | NextcloudError::AccountDisabled | NextcloudError::Forbidden(_) => {
            AuthError::Refused(Challenge::Basic)
        }
        NextcloudError::Throttled { retry_after } | NextcloudError::Maintenance { retry_after } => {
            AuthError::Unavailable {
                retry_after: retry_after.unwrap_or(UNAVAILABLE_RETRY),
            }
        }
        error => {
            tracing::warn!(%error, "Nextcloud cannot check a credential");
            AuthError::Unavailable {
                retry_after: UNAVAILABLE_RETRY,
            }
        }
    }
}

/// One household or host shares an IPv6 /64; counting single addresses there would count nothing.
pub(crate) fn budget_address(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests;

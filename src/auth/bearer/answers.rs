//! What was found out about tokens lately.
//!
//! Tokens are known by an HMAC under a key of this process; the number of answers is bounded; equal tokens are checked
//! once at a time.

use super::verified::{Audience, BearerError, VerifiedBearer};
use crate::auth::Principal;
use crate::entropy::Entropy;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use moka::future::Cache;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use zeroize::Zeroizing;

/// A believed token is checked again after this time: one that was revoked at the provider works no longer.
const BELIEVED_FOR: TimeDelta = TimeDelta::seconds(60);
/// A refused token is not checked again within this time.
const REFUSED_FOR: TimeDelta = TimeDelta::seconds(10);
/// A token that was believed within this time is told by [`Answers::last_known`].
const KNOWN_FOR: TimeDelta = TimeDelta::hours(1);
/// Tokens remembered.
const CAPACITY: u64 = 10_000;
/// How long nothing is remembered about a token that nobody uses.
const IDLE: Duration = Duration::from_hours(1);

/// A token at an audience.
pub(super) type Key = [u8; 32];

#[derive(Debug, Clone)]
struct Answer {
    outcome: Result<VerifiedBearer, BearerError>,
    /// Until when it is not asked again.
    until: DateTime<Utc>,
    /// The last good answer. Outages do not touch it; a refusal clears it.
    known: Option<(VerifiedBearer, DateTime<Utc>)>,
}

/// The answers of one process.
pub(super) struct Answers {
    cache: Cache<Key, Answer>,
    key: Zeroizing<[u8; 64]>,
    /// Counts [`Answers::forget`]: what was asked before one is not kept after it.
    forgotten: AtomicU64,
}

impl Answers {
    pub(super) fn new(entropy: &dyn Entropy) -> Self {
        let mut key = Zeroizing::new([0; 64]);
        entropy.fill(&mut *key);
        Self {
            cache: Cache::builder().max_capacity(CAPACITY).time_to_idle(IDLE).build(),
            key,
            forgotten: AtomicU64::new(0),
        }
    }

    pub(super) fn key(&self, token: &SecretString, audience: Audience) -> Key {
        let mut mac = Hmac::<Sha256>::new((&*self.key).into());
        mac.update(&[match audience {
            Audience::Mcp => 1,
            Audience::Management => 2,
        }]);
        mac.update(token.expose_secret().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// The answer that still holds.
    pub(super) async fn current(
        &self,
        key: &Key,
        now: DateTime<Utc>,
    ) -> Option<Result<VerifiedBearer, BearerError>> {
        let answer = self.cache.get(key).await?;
        (now < answer.until).then_some(answer.outcome)
    }

    /// What `ask` finds out; who asks the same meanwhile gets the same answer.
    pub(super) async fn find_out(
        &self,
        key: Key,
        now: DateTime<Utc>,
        ask: impl Future<Output = Result<VerifiedBearer, BearerError>>,
    ) -> Result<VerifiedBearer, BearerError> {
        let answer = async {
            let forgotten = self.forgotten.load(Ordering::SeqCst);
            let outcome = ask.await;
            let is_current = forgotten == self.forgotten.load(Ordering::SeqCst);
            self.answer(&key, outcome, now, is_current).await
        };
        self.cache
            .entry(key)
            .or_insert_with_if(answer, |answer| now >= answer.until)
            .await
            .into_value()
            .outcome
    }

    async fn answer(
        &self,
        key: &Key,
        outcome: Result<VerifiedBearer, BearerError>,
        now: DateTime<Utc>,
        is_current: bool,
    ) -> Answer {
        let held = match &outcome {
            Ok(bearer) => bearer
                .expires_at
                .map_or(BELIEVED_FOR, |end| (end - now).min(BELIEVED_FOR)),
            Err(BearerError::Refused(_) | BearerError::UnknownUser) => REFUSED_FOR,
            Err(BearerError::Unavailable { .. }) => TimeDelta::zero(),
        };
        let known = match &outcome {
            Ok(bearer) => Some((bearer.clone(), now)),
            Err(BearerError::Unavailable { .. }) => self.cache.get(key).await.and_then(|answer| answer.known),
            Err(_) => None,
        };
        Answer {
            outcome,
            until: if is_current { now + held } else { now },
            known: known.filter(|_| is_current),
        }
    }

    /// Who a token was proven to be of within the last hour, when it has not ended and was not refused since.
    pub(super) async fn last_known(&self, key: Key, now: DateTime<Utc>) -> Option<VerifiedBearer> {
        let (bearer, at) = self.cache.get(&key).await?.known?;
        let is_over = bearer.expires_at.is_some_and(|end| end <= now);
        (!is_over && now - at < KNOWN_FOR).then_some(bearer)
    }

    /// Drops every answer about `principal`'s tokens.
    pub(super) async fn forget(&self, principal: &Principal) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        let theirs: Vec<_> = self
            .cache
            .iter()
            .filter(|(_, answer)| {
                let known = answer.known.as_ref().map(|(bearer, _)| bearer);
                answer
                    .outcome
                    .as_ref()
                    .ok()
                    .or(known)
                    .is_some_and(|bearer| bearer.principal == *principal)
            })
            .map(|(key, _)| key)
            .collect();
        for key in theirs {
            self.cache.invalidate(&*key).await;
        }
    }

    /// Answers held, roughly.
    pub(super) fn len(&self) -> u64 {
        self.cache.entry_count()
    }
}

//! The provider's key set (RFC 7517): held in memory, asked again at a bounded rate, by one task at a time.

use super::discovery::Checked;
use super::key_store::{KeyStore, Remembered};
use super::{IdpHttp, ProviderProblem};
use crate::clock::SharedClock;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, JwkSet};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError, RwLock};

/// How long the last good keys count while the provider is away.
pub(super) const LONGEST_USE: TimeDelta = TimeDelta::hours(24);
/// An unknown key id makes nobody ask more often: whoever sends tokens could choose the rate.
const SHORTEST_PAUSE: TimeDelta = TimeDelta::seconds(10);
/// Keys beyond this many are not looked at.
const MAX_KEYS: usize = 64;

/// Keys and when they were fetched.
#[derive(Debug, Clone)]
struct Held {
    set: Arc<JwkSet>,
    fetched_at: DateTime<Utc>,
}

/// The last request for keys and what came of it.
#[derive(Debug, Clone)]
struct Attempt {
    at: DateTime<Utc>,
    outcome: Result<(), ProviderProblem>,
}

/// The keys as they are known now.
#[derive(Debug)]
pub(super) struct KeySet {
    http: IdpHttp,
    store: KeyStore,
    clock: SharedClock,
    held: RwLock<Option<Held>>,
    /// Held while asking, so that many tasks in want of a key make one request.
    last: tokio::sync::Mutex<Option<Attempt>>,
}

impl KeySet {
    pub(super) fn new(http: IdpHttp, store: KeyStore, clock: SharedClock) -> Self {
        Self {
            http,
            store,
            clock,
            held: RwLock::new(None),
            last: tokio::sync::Mutex::new(None),
        }
    }

    /// The keys; asks for them when none are usable or, with `refetch`, when the last request was long enough ago.
    pub(super) async fn get(
        &self,
        provider: &Checked,
        refetch: bool,
    ) -> Result<Arc<JwkSet>, ProviderProblem> {
        if !refetch && let Some(set) = self.usable() {
            return Ok(set);
        }
        let mut last = self.last.lock().await;
        if !refetch && let Some(set) = self.usable() {
            return Ok(set);
        }
        let recent = last
            .as_ref()
            .filter(|attempt| (TimeDelta::zero()..SHORTEST_PAUSE).contains(&(self.clock.now() - attempt.at)));
        let outcome = if let Some(attempt) = recent {
            attempt.outcome.clone()
        } else {
            let outcome = self.fetch(provider).await;
            *last = Some(Attempt {
                at: self.clock.now(),
                outcome: outcome.clone(),
            });
            outcome
        };
        outcome?;
        self.usable()
            .ok_or_else(|| ProviderProblem::Unreachable("its keys are not known".to_owned()))
    }

    /// Takes keys that another run of this server fetched at `fetched_at`, unless newer ones are held.
    pub(super) fn restore(&self, keys: &Value, fetched_at: DateTime<Utc>) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if held.is_none() {
            *held = usable_keys(keys).map(|set| Held {
                set: Arc::new(set),
                fetched_at,
            });
        }
    }

    fn usable(&self) -> Option<Arc<JwkSet>> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref()
            .filter(|held| self.clock.now() - held.fetched_at < LONGEST_USE)
            .map(|held| Arc::clone(&held.set))
    }

    async fn fetch(&self, provider: &Checked) -> Result<(), ProviderProblem> {
        let answer: Value = self
            .http
            .get_json(&provider.metadata.jwks_uri)
            .await
            .map_err(|error| ProviderProblem::Unreachable(format!("its keys: {error}")))?;
        let set = usable_keys(&answer).ok_or_else(|| {
            ProviderProblem::Unreachable("its key set has no key that could sign a token".to_owned())
        })?;
        let fetched_at = self.clock.now();
        let remembered = Remembered {
            discovery_url: provider.found.at.to_string(),
            document: provider.found.document.clone(),
            keys: json!(set),
            fetched_at,
        };
        if let Err(error) = self.store.put(&provider.metadata.issuer, &remembered).await {
            tracing::warn!(%error, "the identity provider's keys could not be kept for later");
        }
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(Held {
            set: Arc::new(set),
            fetched_at,
        });
        Ok(())
    }
}

/// The asymmetric keys of `set`: a key that this server does not understand hides none that it does.
fn usable_keys(set: &Value) -> Option<JwkSet> {
    let keys: Vec<Jwk> = set
        .get("keys")?
        .as_array()?
        .iter()
        .take(MAX_KEYS)
        .filter_map(|key| Jwk::deserialize(key).ok())
        .filter(|key| {
            matches!(
                key.algorithm,
                AlgorithmParameters::RSA(_)
                    | AlgorithmParameters::EllipticCurve(_)
                    | AlgorithmParameters::OctetKeyPair(_)
            )
        })
        .collect();
    (!keys.is_empty()).then_some(JwkSet { keys })
}

#[cfg(test)]
mod tests {
    use super::super::testing::SigningKey;
    use super::*;

    #[test]
    fn keys_that_sign_nothing_are_left_out_and_the_rest_survives_storing() {
        let good = SigningKey::first().jwk("one");
        let set = json!({"keys": [
            {"kty": "oct", "k": "c2VjcmV0", "kid": "hmac"},
            {"kty": "unheard-of", "kid": "odd"},
            "nonsense",
            good,
        ]});
        let usable = usable_keys(&set).unwrap();
        assert_eq!(usable.keys.len(), 1);
        assert_eq!(usable_keys(&json!(usable)), Some(usable));
        for useless in [
            json!({}),
            json!({"keys": []}),
            json!([]),
            json!({"keys": [{"kty": "oct", "k": "YQ"}]}),
        ] {
            assert!(usable_keys(&useless).is_none(), "{useless}");
        }
    }
}

//! Who may deliver: secrets checked against the stored hashes, with the hashes remembered for a moment.

use super::{RegistrationId, RegistrationStore, SecretHashes, StoreError, WebhookSecret};
use crate::clock::SharedClock;
use moka::future::Cache;
use std::time::Duration;

/// How long hashes are remembered. So much longer does the secret of a removed registration work, and in a burst the
/// database is asked so seldom.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Registrations remembered.
const CAPACITY: u64 = 1_000;

/// Checks the secrets of registrations.
#[derive(Clone)]
pub(super) struct KnownSecrets {
    store: RegistrationStore,
    clock: SharedClock,
    known: Cache<String, SecretHashes>,
}

impl KnownSecrets {
    pub(super) fn new(store: RegistrationStore, clock: SharedClock) -> Self {
        let known = Cache::builder()
            .max_capacity(CAPACITY)
            .time_to_live(REMEMBERED)
            .build();
        Self { store, clock, known }
    }

    /// Whether `secret` is that of the registration `id`, or the one before it while both count. An unknown id and a
    /// wrong secret are one and the same.
    pub(super) async fn accept(
        &self,
        id: &RegistrationId,
        secret: &WebhookSecret,
    ) -> Result<bool, StoreError> {
        let now = self.clock.now();
        if let Some(hashes) = self.known.get(id.as_str()).await
            && hashes.accept(secret, now)
        {
            return Ok(true);
        }
        // What is remembered may be from before a rotation.
        let Some(hashes) = self.store.secrets(id).await? else {
            return Ok(false);
        };
        let accepted = hashes.accept(secret, now);
        if accepted {
            self.known.insert(id.as_str().to_owned(), hashes).await;
        }
        Ok(accepted)
    }
}

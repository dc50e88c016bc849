//! Where Nextcloud's webhooks arrive, put together.

use super::Foundation;
use super::parts::Parts;
use crate::config::Config;
use crate::webhooks::{HintWaker, Ingress, IngressParts, RegistrationStore};
use crate::worker::{self, Job};
use async_trait::async_trait;
use sqlx::PgPool;
use std::sync::Arc;

/// Starts it; `None` where no users are synced whose changes it could tell of.
pub(super) fn start(config: &Config, foundation: &Foundation, parts: &mut Parts) -> Option<Ingress> {
    let keyring = foundation.keyring.clone();
    let keyring = keyring.filter(|_| config.sync.enabled && config.mode.stores_credentials())?;
    let clock = foundation.clock.clone();
    let (ingress, writer) = Ingress::new(IngressParts {
        registrations: RegistrationStore::new(foundation.pool().clone(), keyring, foundation.entropy.clone()),
        pool: foundation.pool().clone(),
        waker: Arc::new(QueuedWakeUp(foundation.worker_pool().clone())),
        clock,
    });
    parts.spawn_endless("the webhooks' ingress", writer.run());
    Some(ingress)
}

/// Wakes the workers of all replicas by a job.
struct QueuedWakeUp(PgPool);

#[async_trait]
impl HintWaker for QueuedWakeUp {
    async fn wake(&self) {
        let queued = match self.0.acquire().await {
            Ok(mut connection) => worker::push(&mut connection, &Job::FollowHints)
                .await
                .map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = queued {
            tracing::warn!(error, "hints of webhooks wait for the next tick");
        }
    }
}

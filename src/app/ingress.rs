//! Where Nextcloud's webhooks arrive, and who watches whether they do, put together.

use super::Foundation;
use super::parts::Parts;
use crate::clock::SharedClock;
use crate::config::Config;
use crate::sync::sources::SOURCES;
use crate::telemetry::record;
use crate::webhooks::{HintWaker, Ingress, IngressParts, RegistrationStore, WebhookHealth, WebhookWatch};
use crate::worker::{self, Job};
use async_trait::async_trait;
use sqlx::PgPool;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks at whether webhooks are silent.
const INTERVAL: Duration = Duration::from_secs(15);

/// What takes deliveries, and what is known of how they come.
pub(super) struct Arrivals {
    pub(super) ingress: Ingress,
    pub(super) watch: WebhookWatch,
}

/// Starts both; `None` where no users are synced whose changes could be told.
pub(super) fn start(config: &Config, foundation: &Foundation, parts: &mut Parts) -> Option<Arrivals> {
    let keyring = foundation.keyring.clone();
    let keyring = keyring.filter(|_| config.sync.enabled && config.mode.stores_credentials())?;
    let clock = foundation.clock.clone();
    let (ingress, writer) = Ingress::new(IngressParts {
        registrations: RegistrationStore::new(foundation.pool().clone(), keyring, foundation.entropy.clone()),
        pool: foundation.pool().clone(),
        sources: SOURCES,
        waker: Arc::new(QueuedWakeUp(foundation.worker_pool().clone())),
        clock: clock.clone(),
    });
    parts.spawn_endless("the webhooks' ingress", writer.run());
    let watch = WebhookWatch::default();
    parts.spawn_endless(
        "the webhooks' watch",
        look(watch.clone(), foundation.worker_pool().clone(), clock),
    );
    Some(Arrivals { ingress, watch })
}

/// Looks again and again; never ends.
async fn look(watch: WebhookWatch, pool: PgPool, clock: SharedClock) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut shown = BTreeSet::new();
    loop {
        ticks.tick().await;
        // What cannot be asked keeps its last value; the readiness says why.
        let Ok(health) = WebhookHealth::look(&pool, clock.now()).await else {
            continue;
        };
        record::silent_webhooks(health.silent.len());
        shown.extend(health.unannounced.iter().map(|found| found.doc_type.clone()));
        for doc_type in &shown {
            let found = health
                .unannounced
                .iter()
                .find(|found| found.doc_type == *doc_type);
            record::unannounced_changes(doc_type, found.map_or(0, |found| found.changes));
        }
        watch.saw(health);
    }
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

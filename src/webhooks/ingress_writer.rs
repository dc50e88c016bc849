//! Writing what arrives: many deliveries in one transaction, so that a burst costs few commits.

use super::hints::{self, Hint, Key};
use crate::clock::SharedClock;
use crate::db::DbError;
use async_trait::async_trait;
use sqlx::PgPool;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};

/// Deliveries in one transaction.
const BATCH: usize = 256;
/// Between two wake-ups of the worker: in a burst one of them is for many hints.
const BETWEEN_WAKE_UPS: Duration = Duration::from_millis(200);

/// Tells the worker that hints wait.
#[async_trait]
pub trait HintWaker: Send + Sync {
    /// Wakes it. A wake-up that is lost costs a delay until the next tick.
    async fn wake(&self);
}

/// A delivery that wants to be kept.
pub(super) struct Arrival {
    pub(super) registration: String,
    pub(super) event: String,
    pub(super) hints: Vec<Hint>,
    /// Told after the commit: whether the hints concern anybody. Dropped when nothing was committed.
    pub(super) done: oneshot::Sender<bool>,
}

impl Arrival {
    fn keys(&self) -> impl Iterator<Item = (Key, bool)> {
        self.hints
            .iter()
            .map(|hint| (hint.key(), hint.native_id.is_some()))
    }
}

/// Keeps what an [`super::Ingress`] took.
pub struct IngressWriter {
    arrivals: mpsc::Receiver<Arrival>,
    pool: PgPool,
    waker: Arc<dyn HintWaker>,
    clock: SharedClock,
}

impl IngressWriter {
    pub(super) fn new(
        arrivals: mpsc::Receiver<Arrival>,
        pool: PgPool,
        waker: Arc<dyn HintWaker>,
        clock: SharedClock,
    ) -> Self {
        Self {
            arrivals,
            pool,
            waker,
            clock,
        }
    }

    /// Writes as long as there is an ingress. What it did not acknowledge when it is dropped was not kept.
    pub async fn run(self) {
        let Self {
            mut arrivals,
            pool,
            waker,
            clock,
        } = self;
        let (kept, ended) = (Notify::new(), Notify::new());
        let writing = async {
            let mut batch = Vec::with_capacity(BATCH);
            while arrivals.recv_many(&mut batch, BATCH).await > 0 {
                match write(&pool, &clock, &batch).await {
                    Ok(keys) => {
                        for arrival in batch.drain(..) {
                            let concerns = arrival.keys().any(|(key, _)| keys.contains(&key));
                            // Whoever waited may be gone.
                            arrival.done.send(concerns).ok();
                        }
                        if !keys.is_empty() {
                            kept.notify_one();
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "deliveries of webhooks could not be kept; scans find what they told");
                        batch.clear();
                    }
                }
            }
            ended.notify_one();
        };
        let waking = async {
            loop {
                tokio::select! {
                    () = kept.notified() => waker.wake().await,
                    () = ended.notified() => return,
                }
                tokio::time::sleep(BETWEEN_WAKE_UPS).await;
            }
        };
        tokio::join!(writing, waking);
    }
}

/// Commits a batch; returns the keys of the hints that concern anybody.
async fn write(pool: &PgPool, clock: &SharedClock, batch: &[Arrival]) -> Result<HashSet<Key>, DbError> {
    let now = clock.now();
    let mut tx = pool.begin().await?;
    let mut registrations: BTreeMap<&str, i64> = BTreeMap::new();
    let mut wanted = BTreeMap::new();
    for arrival in batch {
        *registrations.entry(&arrival.registration).or_default() += 1;
        for (key, has_id) in arrival.keys() {
            wanted.insert(key, (has_id, arrival.event.as_str()));
        }
    }
    let keys = if wanted.is_empty() {
        HashSet::new()
    } else {
        hints::write(&mut tx, &wanted, now).await?
    };
    let (ids, counts): (Vec<String>, Vec<i64>) = registrations
        .into_iter()
        .map(|(id, count)| (id.to_owned(), count))
        .unzip();
    sqlx::query!(
        "update webhook_registrations r set last_delivery_at = $3, deliveries = r.deliveries + d.count
         from unnest($1::text[], $2::bigint[]) as d (id, count) where r.id = d.id",
        &ids,
        &counts,
        now
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(keys)
}

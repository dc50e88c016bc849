//! Writing what arrives: many deliveries in one transaction, so that a burst costs few commits.

use super::hints::{self, Hint, Key};
use super::told::Told;
use crate::clock::SharedClock;
use crate::db::DbError;
use crate::sync;
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};
use std::collections::{BTreeMap, BTreeSet, HashSet};
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
    pub(super) happened_at: Option<DateTime<Utc>>,
    pub(super) told: Option<Told>,
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
    let mut wanted = BTreeMap::new();
    for arrival in batch {
        for (key, has_id) in arrival.keys() {
            wanted.insert(key, (has_id, arrival.event.as_str()));
        }
    }
    let keys = if wanted.is_empty() {
        HashSet::new()
    } else {
        hints::write(&mut tx, &wanted, now).await?
    };
    count(&mut tx, batch, now).await?;
    let told: BTreeSet<Told> = batch.iter().filter_map(|arrival| arrival.told).collect();
    let doc_types: Vec<&str> = told.iter().flat_map(|told| told.doc_types()).copied().collect();
    // Last, because scans write there at their end too.
    sync::changes_were_announced(&mut tx, &doc_types).await?;
    tx.commit().await?;
    Ok(keys)
}

/// Notes at the registrations that deliveries came, and how late.
async fn count(conn: &mut PgConnection, batch: &[Arrival], now: DateTime<Utc>) -> Result<(), DbError> {
    let mut counts: BTreeMap<&str, (i64, Option<DateTime<Utc>>)> = BTreeMap::new();
    for arrival in batch {
        let entry = counts.entry(&arrival.registration).or_default();
        entry.0 += 1;
        // The last to come, as Nextcloud queues: not the greatest, so that one wrong time does not stay.
        entry.1 = arrival.happened_at.or(entry.1);
    }
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for (id, (count, happened_at)) in counts {
        columns.0.push(id.to_owned());
        columns.1.push(count);
        columns.2.push(happened_at);
    }
    sqlx::query!(
        "update webhook_registrations r
         set last_delivery_at = $4, deliveries = r.deliveries + d.count, last_event_at = d.happened_at
         from unnest($1::text[], $2::bigint[], $3::timestamptz[]) as d (id, count, happened_at) where r.id = d.id",
        &columns.0,
        &columns.1,
        &columns.2 as &[Option<DateTime<Utc>>],
        now
    )
    .execute(conn)
    .await?;
    Ok(())
}

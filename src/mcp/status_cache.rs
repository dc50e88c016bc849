//! The sync status, asked from the database at most every two seconds per user however often it is read.

use crate::clock::SharedClock;
use crate::db::DbError;
use crate::ids::UserId;
use crate::sync::{DeadLetter, SyncStatus, SyncStatusService};
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use moka::future::Cache;
use std::sync::Arc;

/// Age up to which a status is shown.
const FRESH_FOR: TimeDelta = TimeDelta::seconds(2);
/// Users remembered.
const CAPACITY: u64 = 10_000;

/// Tells the state of the sync.
#[async_trait]
pub trait StatusSource: Send + Sync {
    /// The state for `user`, or of everyone.
    async fn status(&self, user: Option<&UserId>) -> Result<SyncStatus, DbError>;
    /// At most `limit` documents of `user` that were given up.
    async fn dead_letters(&self, user: &UserId, limit: i64) -> Result<Vec<DeadLetter>, DbError>;
}

#[async_trait]
impl StatusSource for SyncStatusService {
    async fn status(&self, user: Option<&UserId>) -> Result<SyncStatus, DbError> {
        Self::status(self, user).await
    }

    async fn dead_letters(&self, user: &UserId, limit: i64) -> Result<Vec<DeadLetter>, DbError> {
        Self::dead_letters(self, user, limit).await
    }
}

/// The status cannot be read.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the sync status cannot be read: {0}")]
pub struct StatusError(Arc<DbError>);

#[derive(Clone)]
struct Entry {
    answer: Result<Arc<SyncStatus>, StatusError>,
    at: DateTime<Utc>,
}

/// A [`StatusSource`] behind a short cache; equal questions are asked once at a time. Clones share it.
#[derive(Clone)]
pub struct StatusCache {
    source: Arc<dyn StatusSource>,
    clock: SharedClock,
    entries: Cache<Option<UserId>, Entry>,
}

impl std::fmt::Debug for StatusCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StatusCache").finish_non_exhaustive()
    }
}

impl StatusCache {
    /// An empty cache before `source`.
    pub fn new(source: Arc<dyn StatusSource>, clock: SharedClock) -> Self {
        Self {
            source,
            clock,
            entries: Cache::new(CAPACITY),
        }
    }

    /// At most `limit` documents of `user` that were given up, asked now.
    pub async fn dead_letters(&self, user: &UserId, limit: i64) -> Result<Vec<DeadLetter>, StatusError> {
        self.source
            .dead_letters(user, limit)
            .await
            .map_err(|error| StatusError(Arc::new(error)))
    }

    /// The state for `user`, or of everyone, at most two seconds old.
    pub async fn status(&self, user: Option<&UserId>) -> Result<Arc<SyncStatus>, StatusError> {
        let key = user.cloned();
        let now = self.clock.now();
        let stale = |entry: &Entry| entry.answer.is_err() || now - entry.at >= FRESH_FOR;
        if let Some(entry) = self.entries.get(&key).await
            && !stale(&entry)
        {
            return entry.answer;
        }
        let fetch = async {
            let answer = self.source.status(user).await;
            Entry {
                answer: answer.map(Arc::new).map_err(|error| StatusError(Arc::new(error))),
                at: now,
            }
        };
        self.entries
            .entry(key)
            .or_insert_with_if(fetch, stale)
            .await
            .into_value()
            .answer
    }
}

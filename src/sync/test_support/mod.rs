//! Doubles for tests of the sync: a small Nextcloud, an index in memory, a model without a model.

mod cloud;
mod groupware;
mod index;
mod simulated;

pub use cloud::FakeCloud;
pub use groupware::event;
pub use index::MemoryIndex;
pub use simulated::Simulated;

use super::sources::{self, Source};
use super::{SyncEngine, SyncParts, SyncStatusService, users};
use crate::clock::{Clock, ManualClock, SharedClock};
use crate::config::{SyncConfig, TagRules};
use crate::documents::{InProcessExtractor, TextExtractor};
use crate::entropy::{Entropy, SharedEntropy};
use crate::ids::UserId;
use crate::index::{Chunker, Embedder, EmbeddingError, Priority, SparseEncoder};
use async_trait::async_trait;
use chrono::{TimeZone, Utc};
use sqlx::PgPool;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Always the middle: no jitter.
#[derive(Debug)]
struct NoJitter;

impl Entropy for NoJitter {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(128);
    }
}

/// Vectors that depend on the text's length only.
#[derive(Default)]
pub struct FakeEmbedder {
    /// Texts with this in them fail.
    pub poison: Mutex<Option<String>>,
    /// Texts embedded so far.
    pub texts: AtomicUsize,
}

#[async_trait]
impl Embedder for FakeEmbedder {
    fn identity(&self) -> &'static str {
        "fake@2"
    }

    fn dimension(&self) -> usize {
        2
    }

    async fn embed(&self, texts: Vec<String>, _: Priority) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let poison = self.poison.lock().unwrap().clone();
        if poison.is_some_and(|poison| texts.iter().any(|text| text.contains(&poison))) {
            return Err(EmbeddingError::Inference("poisoned".into()));
        }
        self.texts.fetch_add(texts.len(), Ordering::SeqCst);
        Ok(texts
            .iter()
            .map(|text| {
                if text.len() % 2 == 0 {
                    vec![1.0, 0.0]
                } else {
                    vec![0.0, 1.0]
                }
            })
            .collect())
    }
}

/// A sync with everything around it.
pub struct World {
    pub engine: Arc<SyncEngine>,
    pub pool: PgPool,
    pub clock: Arc<ManualClock>,
    pub cloud: Arc<FakeCloud>,
    pub index: Arc<MemoryIndex>,
    pub embedder: Arc<FakeEmbedder>,
}

impl World {
    pub fn new(pool: PgPool) -> Self {
        Self::build(pool, true, Arc::new(InProcessExtractor), &["files"], Vec::new())
    }

    pub fn keyword_only(pool: PgPool) -> Self {
        Self::build(pool, false, Arc::new(InProcessExtractor), &["files"], Vec::new())
    }

    /// Keyword search only, reading the sources of these names and `others`.
    pub fn reading(pool: PgPool, names: &[&str], others: Vec<Arc<dyn Source>>) -> Self {
        Self::build(pool, false, Arc::new(InProcessExtractor), names, others)
    }

    pub fn reading_with(pool: PgPool, extractor: Arc<dyn TextExtractor>) -> Self {
        Self::build(pool, false, extractor, &["files"], Vec::new())
    }

    fn build(
        pool: PgPool,
        dense: bool,
        extractor: Arc<dyn TextExtractor>,
        names: &[&str],
        others: Vec<Arc<dyn Source>>,
    ) -> Self {
        let clock = ManualClock::at(Utc.with_ymd_and_hms(2026, 5, 1, 12, 0, 0).unwrap());
        let (cloud, index, embedder) = (
            Arc::new(FakeCloud::default()),
            Arc::new(MemoryIndex::default()),
            Arc::new(FakeEmbedder::default()),
        );
        let shared_clock: SharedClock = clock.clone();
        let entropy: SharedEntropy = Arc::new(NoJitter);
        let parts = SyncParts {
            pool: pool.clone(),
            clock: shared_clock,
            entropy,
            index: index.clone(),
            embedder: dense.then(|| embedder.clone() as Arc<dyn Embedder>),
            chunker: Arc::new(Chunker::built_in().unwrap()),
            sparse: Arc::new(SparseEncoder::new().unwrap()),
            extractor,
            config: SyncConfig {
                enabled: true,
                scan_interval: Duration::from_mins(5),
                full_walk_interval: Duration::from_hours(24),
                workers: 4,
                max_index_failures: 3,
                max_file_size: 1_000_000,
                tags: TagRules::default(),
            },
        };
        let sources: Vec<Arc<dyn Source>> = sources::all(&parts.config)
            .into_iter()
            .filter(|source| names.contains(&source.name()))
            .chain(others)
            .collect();
        let engine = Arc::new(SyncEngine::with_sources(parts, cloud.clone(), sources));
        Self {
            engine,
            pool,
            clock,
            cloud,
            index,
            embedder,
        }
    }

    pub async fn enqueue(&self, user: &str) {
        self.engine.enqueue_user(&UserId::new(user)).await.unwrap();
    }

    /// As whoever takes the user's last credential does.
    pub async fn mark_removed(&self, user: &str) {
        let now = self.clock.now();
        let reason = super::PauseReason::Removed;
        users::pause(&self.pool, &UserId::new(user), reason, now)
            .await
            .unwrap();
    }

    /// Runs every due scan and panics at the first that fails.
    pub async fn scan(&self) -> Vec<super::ScanReport> {
        let outcomes = self.engine.scan_due(100).await.unwrap();
        outcomes
            .into_iter()
            .map(|outcome| outcome.result.unwrap())
            .collect()
    }

    /// Lets the scan interval pass and scans.
    pub async fn rescan(&self) -> Vec<super::ScanReport> {
        self.clock.advance(Duration::from_secs(301));
        self.scan().await
    }

    /// Works until nothing is due.
    pub async fn settle(&self) {
        while self.engine.index_text_turn().await.unwrap() > 0 {}
        while self.engine.embed_turn().await.unwrap() > 0 {}
        self.engine.housekeeping().await.unwrap();
    }

    /// State of each document, by native id.
    pub async fn states(&self) -> Vec<(String, String)> {
        sqlx::query_as("select native_id, state from documents order by length(native_id), native_id")
            .fetch_all(&self.pool)
            .await
            .unwrap()
    }

    pub async fn one<T>(&self, sql: &'static str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    /// The index holds exactly the visible chunks, each with the current access set of its document.
    pub async fn assert_index_true(&self) {
        let expected: Vec<(i64, i64, bool)> = sqlx::query_as(
            "select c.id, d.access_set_id, c.dense is not null from chunks c
             join documents d on d.id = c.document_id and d.visible_generation = c.generation order by c.id",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap();
        assert_eq!(self.index.contents(), expected);
        assert_eq!(self.one::<i64>("select count(*) from index_tombstones").await, 0);
        let chunks: i64 = self.one("select count(*) from chunks").await;
        assert_eq!(
            usize::try_from(chunks).unwrap(),
            expected.len(),
            "no hidden generation is left"
        );
    }

    pub fn status(&self) -> SyncStatusService {
        SyncStatusService::new(self.pool.clone(), self.clock.clone())
    }
}

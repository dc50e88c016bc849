//! A sync against `nextcloud-sim`, over real HTTP.

use super::{FakeEmbedder, MemoryIndex, NoJitter};
use crate::auth::{CredentialError, Rejection};
use crate::clock::ManualClock;
use crate::config::{NextcloudConfig, SyncConfig, TagRules};
use crate::ids::{LoginName, UserId};
use crate::index::{Chunker, SparseEncoder};
use crate::nextcloud::{Credential, Nextcloud};
use crate::sync::{Remote, Remotes, ScanOutcome, SyncEngine, SyncParts, sources};
use async_trait::async_trait;
use chrono::{TimeZone, Utc};
use nextcloud_sim::Simulator;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;

/// Sessions of the simulator's users.
struct Sessions(Nextcloud);

#[async_trait]
impl Remotes for Sessions {
    async fn open(&self, user: &UserId) -> Result<Arc<dyn Remote>, CredentialError> {
        let credential = Credential::Basic {
            login_name: LoginName::new(user.as_str()),
            password: format!("{}-pass-1", user.as_str()).into(),
        };
        Ok(Arc::new(self.0.session(user.clone(), credential)))
    }

    async fn rejected(&self, _: &UserId) -> Result<Rejection, CredentialError> {
        Ok(Rejection::Dropped)
    }
}

/// A sync of alice and bob.
pub struct Simulated {
    pub sim: Simulator,
    pub engine: Arc<SyncEngine>,
    pub pool: PgPool,
    pub clock: Arc<ManualClock>,
    pub embedder: Arc<FakeEmbedder>,
    pub index: Arc<MemoryIndex>,
}

impl Simulated {
    /// Reads the sources of these names.
    pub async fn new(pool: PgPool, names: &[&str]) -> Self {
        Self::tagged(pool, names, TagRules::default()).await
    }

    /// The same with rules for files.
    pub async fn tagged(pool: PgPool, names: &[&str], tags: TagRules) -> Self {
        let sim = Simulator::start().await;
        // Long after every change, by the simulator's clock, unless a test makes one.
        sim.world().stop_clock_at(1_795_500_000);
        let clock = ManualClock::at(Utc.with_ymd_and_hms(2026, 12, 1, 12, 0, 0).unwrap());
        let (index, embedder) = (
            Arc::new(MemoryIndex::default()),
            Arc::new(FakeEmbedder::default()),
        );
        let host: url::Url = sim.url().parse().unwrap();
        let nextcloud = NextcloudConfig {
            public_url: host.clone(),
            host,
            verify_tls: true,
            ca_bundle: None,
            max_concurrency: 4,
            timeout_seconds: 10,
        };
        let parts = SyncParts {
            extractor: Arc::new(crate::documents::InProcessExtractor),
            pool: pool.clone(),
            clock: clock.clone(),
            entropy: Arc::new(NoJitter),
            index: index.clone(),
            embedder: Some(embedder.clone()),
            chunker: Arc::new(Chunker::built_in().unwrap()),
            sparse: Arc::new(SparseEncoder::new().unwrap()),
            config: SyncConfig {
                enabled: true,
                scan_interval: Duration::from_mins(5),
                full_walk_interval: Duration::from_hours(24),
                workers: 4,
                max_index_failures: 3,
                max_file_size: 1_000_000,
                tags,
            },
        };
        let sources = sources::all(&parts.config)
            .into_iter()
            .filter(|source| names.contains(&source.name()))
            .collect();
        let remotes = Sessions(Nextcloud::new(&nextcloud, clock.clone()).unwrap());
        let engine = Arc::new(SyncEngine::with_sources(parts, Arc::new(remotes), sources));
        Self {
            sim,
            engine,
            pool,
            clock,
            embedder,
            index,
        }
    }

    /// Begins with these users and brings their documents into the index.
    pub async fn begin(&self, users: &[&str]) {
        for user in users {
            self.engine.enqueue_user(&UserId::new(*user)).await.unwrap();
        }
        self.sim.world().advance_clock(10);
        self.pass().await;
    }

    /// Lets the scan interval pass, scans, and works until nothing is due. Panics at a scan that fails.
    pub async fn later(&self) {
        self.clock.advance(Duration::from_secs(301));
        self.sim.world().advance_clock(301);
        self.pass().await;
    }

    async fn pass(&self) {
        for outcome in self.scan().await {
            outcome.result.unwrap();
        }
        while self.engine.index_text_turn().await.unwrap() > 0 {}
        while self.engine.embed_turn().await.unwrap() > 0 {}
        self.engine.housekeeping().await.unwrap();
    }

    /// The due scans, however they end.
    pub async fn scan(&self) -> Vec<ScanOutcome> {
        self.engine.scan_due(100).await.unwrap()
    }

    /// What `user` finds: paths in their order.
    pub async fn seen_by(&self, user: &str) -> Vec<String> {
        sqlx::query_scalar(
            "select r.path from document_readers r join documents d on d.id = r.document_id
             where r.uid = $1 and d.visible_generation > 0 order by r.path collate \"C\"",
        )
        .bind(user)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    /// The indexed text of the one document with this title.
    pub async fn text(&self, title: &str) -> String {
        sqlx::query_scalar(
            "select t.text from document_texts t
             join documents d on d.id = t.document_id and d.visible_generation = t.generation
             where exists (select from document_readers r where r.document_id = d.id and r.title = $1)",
        )
        .bind(title)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Documents there are.
    pub async fn documents(&self) -> i64 {
        sqlx::query_scalar("select count(*) from documents")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// Paths that were asked for since the last call.
    pub fn asked(&self) -> Vec<String> {
        let world = self.sim.world();
        let asked = world.requests().into_iter().map(|request| request.path).collect();
        world.clear_requests();
        asked
    }
}

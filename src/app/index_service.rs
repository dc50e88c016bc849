//! Opening the index, rebuilding it from the database, keeping it up.

use super::{AppError, Foundation};
use crate::config::{Config, EmbeddingProvider};
use crate::db::DbError;
use crate::index::collection::{self, CollectionChange};
use crate::index::{
    self, Chunker, EdgeIndex, Embedder, EmbeddingError, IndexError, RebuildError, RtenEmbedder,
    SparseEncoder, VectorIndex,
};
use crate::search::{IndexReadiness, IndexState};
use sqlx::PgPool;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time between two rounds of upkeep.
const UPKEEP_INTERVAL: Duration = Duration::from_mins(10);

/// How often it is looked whether the index is still there.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The index and what feeds it.
pub(super) struct IndexService {
    pub(super) index: Arc<dyn VectorIndex>,
    pub(super) embedder: Option<Arc<dyn Embedder>>,
    pub(super) chunker: Arc<Chunker>,
    pub(super) sparse: Arc<SparseEncoder>,
    pub(super) readiness: IndexReadiness,
    dimension: Option<usize>,
}

/// Who makes dense vectors, if anybody, and what cuts texts to fit.
type Embedding = (Option<Arc<dyn Embedder>>, Arc<Chunker>);

/// The configured embedder and a chunker that fits it. The built-in model is loaded at its first use.
pub(super) fn embedder(config: &Config) -> Result<Embedding, EmbeddingError> {
    let built_in = || Chunker::built_in().map_err(|error| EmbeddingError::Model(error.to_string()));
    let threads = config.embedding.threads;
    Ok(match (config.embedding.provider, &config.embedding.model_dir) {
        (EmbeddingProvider::None, _) => (None, Arc::new(built_in()?)),
        (EmbeddingProvider::Embedded, None) => (
            Some(Arc::new(RtenEmbedder::built_in(threads)?)),
            Arc::new(built_in()?),
        ),
        (EmbeddingProvider::Embedded, Some(directory)) => {
            let embedder = RtenEmbedder::load(directory, threads)?;
            let unusable =
                |error: &dyn std::fmt::Display| EmbeddingError::Model(format!("tokenizer.json: {error}"));
            let tokenizer = tokenizers::Tokenizer::from_file(directory.join("tokenizer.json"))
                .map_err(|error| unusable(&error))?;
            let chunker = Chunker::new(tokenizer, embedder.max_tokens()).map_err(|error| unusable(&error))?;
            (Some(Arc::new(embedder)), Arc::new(chunker))
        }
    })
}

/// Opens the index of the configured embedding. A changed model starts a new collection, emptied before the
/// database forgets the old vectors: whatever happens in between, the next start rebuilds.
pub(super) async fn open(config: &Config, foundation: &Foundation) -> Result<IndexService, AppError> {
    let (embedder, chunker) = embedder(config)?;
    let pool = foundation.worker_pool();
    let identity = embedder.as_ref().map(|embedder| embedder.identity().to_owned());
    let dimension = embedder.as_ref().map(|embedder| embedder.dimension());
    let name = collection::name(identity.as_deref());
    let directory = index_directory(config);
    let opened = tokio::task::spawn_blocking(move || EdgeIndex::open(&directory, &name, dimension))
        .await
        .map_err(|error| IndexError::Unavailable(error.to_string()))??;
    let index: Arc<dyn VectorIndex> = Arc::new(opened.index);
    let change = change(pool, identity.as_deref()).await?;
    if let CollectionChange::Changed { old } = &change {
        tracing::warn!(
            old,
            new = identity,
            "the embedding changed: all documents are embedded anew"
        );
        // It may hold what an earlier use of this model left behind.
        index.clear().await?;
    }
    collection::adopt(pool, identity.as_deref(), dimension)
        .await
        .map_err(DbError::from)?;
    forget_other_collections(index_directory(config), collection::name(identity.as_deref())).await;
    let behind = index::needs_rebuild(pool, index.stats().await?)
        .await
        .map_err(DbError::from)?;
    let rebuild = opened.needs_rebuild || behind;
    let state = if rebuild {
        IndexState::Rebuilding
    } else {
        IndexState::Ready
    };
    let sparse = Arc::new(SparseEncoder::new()?);
    let readiness = IndexReadiness::new(state);
    Ok(IndexService {
        index,
        embedder,
        chunker,
        sparse,
        readiness,
        dimension,
    })
}

/// Removes what an earlier embedding left on the disk; the database no longer has its vectors.
async fn forget_other_collections(directory: PathBuf, own: String) {
    let removing = async {
        let mut entries = tokio::fs::read_dir(&directory).await?;
        while let Some(entry) = entries.next_entry().await? {
            // A damaged one that was moved aside begins with the name too.
            let is_own = entry.file_name().to_string_lossy().starts_with(&own);
            if !is_own && entry.file_type().await?.is_dir() {
                tokio::fs::remove_dir_all(entry.path()).await?;
            }
        }
        Ok::<_, std::io::Error>(())
    };
    if let Err(error) = removing.await {
        tracing::warn!(%error, "the files of an earlier index could not be removed");
    }
}

async fn change(pool: &PgPool, identity: Option<&str>) -> Result<CollectionChange, DbError> {
    let mut connection = pool.acquire().await?;
    Ok(collection::compare(&mut connection, identity).await?)
}

fn index_directory(config: &Config) -> PathBuf {
    config.database.data_dir.join("index")
}

/// `doctor`: what the index would do at the next start; changes nothing.
pub(super) async fn look(
    config: &Config,
    foundation: &Foundation,
) -> Result<Result<String, String>, AppError> {
    if !foundation.has_schema().await? {
        return Ok(Err("nothing is stored yet".to_owned()));
    }
    let (embedder, _) = embedder(config)?;
    let identity = embedder.as_ref().map(|embedder| embedder.identity());
    let name = collection::name(identity);
    if let CollectionChange::Changed { old } = change(foundation.worker_pool(), identity).await? {
        return Ok(Err(format!(
            "{old} is in use, {name} is configured: documents will be embedded anew"
        )));
    }
    if index_directory(config).join(&name).exists() {
        Ok(Ok(name))
    } else {
        Ok(Err(format!("{name} does not exist yet")))
    }
}

/// `reindex`: empties the index and fills it from the database; the number of points.
pub(super) async fn rebuild_now(config: &Config, foundation: &Foundation) -> Result<u64, AppError> {
    if !config.sync.enabled {
        return Err(AppError::NoIndex);
    }
    let service = open(config, foundation).await?;
    service.rebuild(foundation.worker_pool()).await?;
    Ok(service.index.stats().await?.points)
}

impl IndexService {
    async fn rebuild(&self, pool: &PgPool) -> Result<(), RebuildError> {
        let report = |done: u64, total: u64| tracing::info!(done, total, "rebuilding the index");
        index::rebuild(pool, self.index.as_ref(), self.dimension, &self.sparse, &report).await?;
        if let Err(error) = self.index.maintain().await {
            tracing::warn!(%error, "upkeep of the index failed");
        }
        Ok(())
    }

    /// Rebuilds when that is due, again and again until it worked; `false` when `shutdown` came first.
    pub(super) async fn rebuild_until_ready(&self, pool: &PgPool, shutdown: &CancellationToken) -> bool {
        let mut wait = Duration::from_secs(1);
        while self.readiness.get() != IndexState::Ready {
            let rebuilt = tokio::select! {
                () = shutdown.cancelled() => return false,
                rebuilt = self.rebuild(pool) => rebuilt,
            };
            match rebuilt {
                Ok(()) => self.readiness.set(IndexState::Ready),
                Err(error) => {
                    tracing::error!(%error, "the index could not be rebuilt; trying again");
                    tokio::select! {
                        () = shutdown.cancelled() => return false,
                        () = tokio::time::sleep(wait) => wait = (wait * 2).min(UPKEEP_INTERVAL),
                    }
                }
            }
        }
        true
    }

    /// Keeps the index up until `shutdown`, or until it is lost: then it must be rebuilt.
    pub(super) async fn keep_up(&self, shutdown: &CancellationToken) {
        let mut since_upkeep = Duration::ZERO;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => since_upkeep += LOOK_INTERVAL,
            }
            if since_upkeep >= UPKEEP_INTERVAL {
                since_upkeep = Duration::ZERO;
                if let Err(error) = self.index.maintain().await {
                    tracing::warn!(%error, "upkeep of the index failed");
                }
            }
            if let Err(error) = self.index.stats().await {
                tracing::error!(%error, "the index is lost; it is rebuilt from the database");
                self.readiness.set(IndexState::Rebuilding);
                return;
            }
        }
    }
}

//! Opening the index, rebuilding it from the database, keeping it up.
//!
//! | file | concept |
//! |---|---|
//! | this one | what is opened, by configuration |
//! | `shared` | the index on a Qdrant server |
//! | `former` | the index of a former embedding |
//! | `upkeep` | what happens to an open index |

mod former;
mod shared;
mod upkeep;

use super::embedder::embedder;
use super::stored_embedding::StoredEmbedding;
use super::{AppError, Foundation};
use crate::config::{Config, Role};
use crate::db::DbError;
use crate::index::collection::{self, CollectionChange};
use crate::index::{
    self, Chunker, EdgeIndex, Embedder, EmbeddingError, IndexError, IndexRight, SparseEncoder,
    SucceedingEmbedder, Succession, VectorIndex,
};
use crate::search::{IndexReadiness, IndexState};
use former::FormerSource;
use shared::{Shared, adopt_together};
use sqlx::PgPool;
use std::path::PathBuf;
use std::sync::Arc;

/// The index and what feeds it.
pub(super) struct IndexService {
    /// The index; while an embedding succeeds another, with the former one's.
    pub(super) index: Arc<Succession>,
    /// Embeds passages.
    pub(super) embedder: Option<Arc<dyn Embedder>>,
    /// Embeds queries.
    pub(super) query_embedder: Option<Arc<dyn Embedder>>,
    pub(super) chunker: Arc<Chunker>,
    pub(super) sparse: Arc<SparseEncoder>,
    pub(super) readiness: IndexReadiness,
    dimension: Option<usize>,
    /// Where the embedded index is.
    directory: PathBuf,
    /// The same index, where it is on a server that other processes use too.
    shared: Option<Shared>,
    former: FormerSource,
}

/// Opens the index of the configured embedding. A changed model starts a new collection, emptied before the
/// database forgets the old vectors: whatever happens in between, the next start rebuilds.
pub(super) async fn open(config: &Config, foundation: &Foundation) -> Result<IndexService, AppError> {
    let pool = foundation.worker_pool();
    let in_use = collection::in_use(pool).await.map_err(DbError::from)?;
    let known = in_use.as_ref().map(|(_, identity)| identity.as_str());
    let (embedder, chunker) = embedder(config, known, &foundation.clock).await?;
    let identity = embedder.as_ref().map(|embedder| embedder.identity());
    let dimension = embedder.as_ref().map(|embedder| embedder.dimension());
    let shared = Shared::new(config, identity, dimension)?;
    let (index, in_files, state): (Arc<dyn VectorIndex>, _, _) = match &shared {
        Some(shared) if config.server.role == Role::Api => {
            let state = shared.observed(pool).await.map_err(DbError::from)?;
            (shared.server.clone(), None, state)
        }
        Some(shared) => {
            adopt_together(pool, shared, identity, dimension).await?;
            // Whether it is complete is found out by the worker: the server may be away now.
            (shared.server.clone(), None, IndexState::Rebuilding)
        }
        None => {
            let (index, state) = open_embedded(config, pool, identity, dimension).await?;
            (index.clone(), Some(index), state)
        }
    };
    if config.server.role != Role::Api {
        remember_settings(config, pool, identity).await?;
    }
    let is_filled = state == IndexState::Ready;
    let index = Arc::new(Succession::new(index, None, is_filled));
    let query_embedder = embedder.clone().map(|embedder| {
        let succeeding = SucceedingEmbedder::new(embedder, index.clone());
        Arc::new(succeeding) as Arc<dyn Embedder>
    });
    let service = IndexService {
        index,
        query_embedder,
        chunker,
        sparse: Arc::new(SparseEncoder::new()?),
        readiness: IndexReadiness::new(state),
        dimension,
        directory: index_directory(config),
        shared,
        former: FormerSource::new(config, foundation, in_files),
        embedder,
    };
    service.follow_former(pool).await.map_err(DbError::from)?;
    if service.shared.is_none() {
        service.forget_earlier(pool).await;
    }
    service.tell_succession(pool).await;
    Ok(service)
}

async fn open_embedded(
    config: &Config,
    pool: &PgPool,
    identity: Option<&str>,
    dimension: Option<usize>,
) -> Result<(Arc<EdgeIndex>, IndexState), AppError> {
    let name = collection::name(identity);
    let directory = index_directory(config);
    let opened = tokio::task::spawn_blocking(move || EdgeIndex::open(&directory, &name, dimension))
        .await
        .map_err(|error| IndexError::Unavailable(error.to_string()))??;
    let index = Arc::new(opened.index);
    adopt(pool, index.as_ref(), identity, dimension).await?;
    let behind = index::needs_rebuild(pool, index.stats().await?)
        .await
        .map_err(DbError::from)?;
    let state = if opened.needs_rebuild || behind {
        IndexState::Rebuilding
    } else {
        IndexState::Ready
    };
    Ok((index, state))
}

/// Makes the collection the one in use; a changed model's is emptied first.
async fn adopt(
    pool: &PgPool,
    index: &dyn VectorIndex,
    identity: Option<&str>,
    dimension: Option<usize>,
) -> Result<(), AppError> {
    if let CollectionChange::Changed { old } = change(pool, identity).await? {
        tracing::warn!(
            old,
            new = identity,
            "the embedding changed: all documents are embedded anew"
        );
        // It may hold what an earlier use of this model left behind.
        index.clear().await?;
    }
    collection::adopt(pool, identity, dimension)
        .await
        .map_err(DbError::from)?;
    Ok(())
}

/// Keeps how the embedding in use is made: it embeds queries for its collection while another one succeeds it.
async fn remember_settings(config: &Config, pool: &PgPool, identity: Option<&str>) -> Result<(), AppError> {
    let settings = StoredEmbedding::of(&config.embedding).map(|settings| settings.to_value());
    let settings = settings
        .transpose()
        .map_err(|error| EmbeddingError::Model(error.to_string()))?;
    collection::remember_settings(pool, identity, settings.as_ref())
        .await
        .map_err(DbError::from)?;
    Ok(())
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
    let pool = foundation.worker_pool();
    let in_use = collection::in_use(pool).await.map_err(DbError::from)?;
    let known = in_use.as_ref().map(|(_, identity)| identity.as_str());
    let (embedder, _) = embedder(config, known, &foundation.clock).await?;
    let identity = embedder.as_ref().map(|embedder| embedder.identity());
    let dimension = embedder.as_ref().map(|embedder| embedder.dimension());
    let name = collection::name(identity);
    if let CollectionChange::Changed { old } = change(pool, identity).await? {
        return Ok(Err(format!(
            "{old} is in use, {name} is configured: documents will be embedded anew"
        )));
    }
    let found = match Shared::new(config, identity, dimension)? {
        Some(shared) if shared.server.exists().await? => {
            let points = shared.server.stats().await?.points;
            Some(format!("{name} on the Qdrant server, {points} passages"))
        }
        Some(_) => None,
        None => index_directory(config).join(&name).exists().then(|| name.clone()),
    };
    Ok(found.ok_or_else(|| format!("{name} does not exist yet")))
}

/// `reindex`: empties the index and fills it from the database; the number of points.
pub(super) async fn rebuild_now(config: &Config, foundation: &Foundation) -> Result<u64, AppError> {
    if !config.sync.enabled {
        return Err(AppError::NoIndex);
    }
    let service = open(config, foundation).await?;
    let pool = foundation.worker_pool();
    let _alone = match service.shared {
        Some(_) => Some(IndexRight::alone(pool).await.map_err(DbError::from)?),
        None => None,
    };
    service.rebuild(pool).await?;
    Ok(service.index.stats().await?.points)
}

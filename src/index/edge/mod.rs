//! The vector index in this process: `qdrant-edge` over files of its own.
//!
//! One thread writes ([`writer`]): it collects what callers ask meanwhile and flushes once for all of them, because in
//! this engine only a flush makes a write durable. Searches run beside it on blocking threads, a few at a time.

mod convert;
mod store;
mod writer;

use super::schema::TIE_MARGIN;
use super::{Hit, IndexError, IndexStats, Point, SparseVector, TenantFilter, VectorIndex};
use crate::ids::{AccessSetId, ChunkId, DocumentId};
use async_trait::async_trait;
use qdrant_edge::{CountRequest, NamedQuery, QueryEnum, SearchRequest, VectorInternal, WithPayloadInterface};
use std::path::Path;
use std::sync::Arc;
use store::Store;
use tokio::sync::Semaphore;
use writer::{Command, Writer};

/// Searches at a time; more would only wait for each other's processor.
const CONCURRENT_SEARCHES: usize = 8;

/// The embedded vector index. One process may have a collection open at a time.
#[derive(Debug)]
pub struct EdgeIndex {
    // Dropped before the store: its thread finishes the writes at hand.
    writer: Writer,
    store: Arc<Store>,
    searches: Arc<Semaphore>,
    dimension: Option<usize>,
}

/// An index just opened.
#[derive(Debug)]
pub struct OpenOutcome {
    /// The index; usable at once.
    pub index: EdgeIndex,
    /// It was missing or damaged and is empty now: see [`super::rebuild()`].
    pub needs_rebuild: bool,
}

impl EdgeIndex {
    /// Opens the collection in `dir`, or creates it; `dimension` is `None` when nobody makes dense vectors. Blocks on
    /// the disk for a moment.
    ///
    /// # Errors
    /// [`IndexError::Unavailable`] when another process has it open or the disk refuses. Damaged files are no error:
    /// they are moved aside.
    pub fn open(
        dir: &Path,
        collection_name: &str,
        dimension: Option<usize>,
    ) -> Result<OpenOutcome, IndexError> {
        let (store, needs_rebuild) = Store::open(dir, collection_name, dimension)?;
        let store = Arc::new(store);
        let writer = Writer::start(Arc::clone(&store), dimension)?;
        let index = Self {
            writer,
            store,
            searches: Arc::new(Semaphore::new(CONCURRENT_SEARCHES)),
            dimension,
        };
        Ok(OpenOutcome { index, needs_rebuild })
    }

    /// Opens the collection of a former embedding beside this one; `None` when it is not there. Blocks on the disk for a
    /// moment.
    ///
    /// # Errors
    /// When its files are damaged.
    pub fn open_beside(&self, collection_name: &str, dimension: usize) -> Result<Option<Self>, IndexError> {
        let Some(store) = self.store.open_beside(collection_name, dimension)? else {
            return Ok(None);
        };
        let store = Arc::new(store);
        Ok(Some(Self {
            writer: Writer::start(Arc::clone(&store), Some(dimension))?,
            store,
            searches: Arc::new(Semaphore::new(CONCURRENT_SEARCHES)),
            dimension: Some(dimension),
        }))
    }

    /// Runs `work` on a blocking thread when its turn comes.
    async fn read<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> Result<R, IndexError> + Send + 'static,
    ) -> Result<R, IndexError> {
        let closed = |_| IndexError::Unavailable("the index is closing".to_owned());
        let permit = Arc::clone(&self.searches).acquire_owned().await.map_err(closed)?;
        let store = Arc::clone(&self.store);
        let task = tokio::task::spawn_blocking(move || {
            let result = work(&store);
            drop(permit);
            result
        });
        task.await
            .map_err(|error| IndexError::Backend(format!("the search ended early: {error}")))?
    }

    async fn search(
        &self,
        vector: VectorInternal,
        using: &'static str,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        let Some(filter) = convert::tenant_filter(filter)? else {
            return Ok(Vec::new());
        };
        if limit == 0 {
            return Ok(Vec::new());
        }
        let request = SearchRequest {
            query: QueryEnum::Nearest(NamedQuery::new(vector, using)),
            filter: Some(filter),
            params: None,
            limit: limit.saturating_add(TIE_MARGIN),
            offset: 0,
            with_payload: Some(WithPayloadInterface::Bool(true)),
            with_vector: None,
            score_threshold: None,
        };
        let points = self
            .read(move |store| store.with(|shard| shard.search(request).map_err(convert::backend)))
            .await?;
        let mut hits = points.iter().map(convert::hit).collect::<Result<Vec<_>, _>>()?;
        hits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.chunk.cmp(&b.chunk)));
        hits.truncate(limit);
        Ok(hits)
    }
}

#[async_trait]
impl VectorIndex for EdgeIndex {
    async fn upsert(&self, points: Vec<Point>) -> Result<(), IndexError> {
        if points.is_empty() {
            return Ok(());
        }
        self.writer.ask(Command::Upsert(points)).await
    }

    async fn set_dense(&self, vectors: Vec<(ChunkId, Vec<f32>)>) -> Result<(), IndexError> {
        if vectors.is_empty() {
            return Ok(());
        }
        self.writer.ask(Command::SetDense(vectors)).await
    }

    async fn set_access(&self, changes: &[(DocumentId, AccessSetId)]) -> Result<(), IndexError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.writer.ask(Command::SetAccess(changes.to_vec())).await
    }

    async fn delete(&self, chunks: &[ChunkId]) -> Result<(), IndexError> {
        if chunks.is_empty() {
            return Ok(());
        }
        self.writer.ask(Command::Delete(chunks.to_vec())).await
    }

    async fn query_dense(
        &self,
        vector: Vec<f32>,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        match self.dimension {
            None => Ok(Vec::new()),
            Some(dimension) if dimension != vector.len() => Err(IndexError::Backend(format!(
                "a vector of length {} for dimension {dimension}",
                vector.len()
            ))),
            Some(_) => {
                self.search(VectorInternal::Dense(vector), store::DENSE, filter, limit)
                    .await
            }
        }
    }

    async fn query_sparse(
        &self,
        query: SparseVector,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError> {
        if query.indices.is_empty() {
            return Ok(Vec::new());
        }
        let mut hits = self
            .search(convert::sparse(query), store::SPARSE, filter, limit)
            .await?;
        // A passage without any of the words is no answer.
        hits.retain(|hit| hit.score > 0.0);
        Ok(hits)
    }

    async fn stats(&self) -> Result<IndexStats, IndexError> {
        let request = CountRequest {
            filter: None,
            exact: true,
        };
        let points = self
            .read(move |store| {
                store.check_presence()?;
                store.with(|shard| shard.count(request).map_err(convert::backend))
            })
            .await?;
        Ok(IndexStats {
            points: points as u64,
        })
    }

    async fn clear(&self) -> Result<(), IndexError> {
        self.writer.ask(Command::Clear).await
    }

    async fn maintain(&self) -> Result<(), IndexError> {
        self.writer.ask(Command::Maintain).await
    }
}

#[cfg(test)]
mod tests;

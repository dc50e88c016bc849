//! The vector index as the rest of the server sees it.

use super::SparseVector;
use crate::ids::{AccessSetId, ChunkId, DocumentId};
use async_trait::async_trait;

/// One chunk in the index.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Point id.
    pub chunk: ChunkId,
    /// Document it belongs to.
    pub document: DocumentId,
    /// Who may read it.
    pub access_set: AccessSetId,
    /// BM25 weights.
    pub sparse: SparseVector,
    /// Dense vector, once phase 2 made it.
    pub dense: Option<Vec<f32>>,
}

/// Which points a query may see. Made for a [`crate::auth::Principal`] by `search::tenant`; a query cannot be
/// written without one (case S09).
///
/// Nobody else makes a filter:
///
/// ```compile_fail,E0451
/// use nextcloud_mcp_server::{ids::AccessSetId, index::TenantFilter};
///
/// let everything = TenantFilter { access_sets: vec![AccessSetId(1)], documents: None };
/// ```
///
/// Nobody asks without one:
///
/// ```compile_fail,E0061
/// use nextcloud_mcp_server::index::{Hit, IndexError, SparseVector, VectorIndex};
///
/// async fn ask(index: &dyn VectorIndex, query: SparseVector) -> Result<Vec<Hit>, IndexError> {
///     index.query_sparse(query, 10).await
/// }
/// ```
///
/// With one it works:
///
/// ```
/// use nextcloud_mcp_server::index::{Hit, IndexError, SparseVector, TenantFilter, VectorIndex};
///
/// async fn ask(
///     index: &dyn VectorIndex,
///     query: SparseVector,
///     filter: &TenantFilter,
/// ) -> Result<Vec<Hit>, IndexError> {
///     index.query_sparse(query, filter, 10).await
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantFilter {
    pub(crate) access_sets: Vec<AccessSetId>,
    pub(crate) documents: Option<Vec<DocumentId>>,
}

#[cfg(feature = "bench")]
impl TenantFilter {
    /// The documents of these access sets, without asking whose they are: for measurements only.
    pub fn of_access_sets(access_sets: Vec<AccessSetId>) -> Self {
        Self {
            access_sets,
            documents: None,
        }
    }
}

/// A ranked point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Point id.
    pub chunk: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// Cosine similarity, or the BM25 sum.
    pub score: f32,
}

/// Size of the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IndexStats {
    /// Points.
    pub points: u64,
}

/// A failed index operation.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The index is missing, damaged or being rebuilt.
    #[error("the index is not available: {0}")]
    Unavailable(String),
    /// The back end refused or failed.
    #[error("index operation failed: {0}")]
    Backend(String),
}

/// A vector index. Writes are durable when they return. All methods are idempotent.
#[async_trait]
pub trait VectorIndex: Send + Sync {
    /// Inserts or replaces points.
    async fn upsert(&self, points: Vec<Point>) -> Result<(), IndexError>;

    /// Adds dense vectors to points that exist; unknown ids are ignored.
    async fn set_dense(&self, vectors: Vec<(ChunkId, Vec<f32>)>) -> Result<(), IndexError>;

    /// Sets who may read the points of documents; rewrites no vector.
    async fn set_access(&self, changes: &[(DocumentId, AccessSetId)]) -> Result<(), IndexError>;

    /// Removes points; unknown ids are ignored.
    async fn delete(&self, chunks: &[ChunkId]) -> Result<(), IndexError>;

    /// Nearest by cosine, best first; ties by chunk id.
    async fn query_dense(
        &self,
        vector: Vec<f32>,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError>;

    /// Best by BM25 with IDF, best first; ties by chunk id.
    async fn query_sparse(
        &self,
        query: SparseVector,
        filter: &TenantFilter,
        limit: usize,
    ) -> Result<Vec<Hit>, IndexError>;

    /// Number of points.
    async fn stats(&self) -> Result<IndexStats, IndexError>;

    /// Removes every point.
    async fn clear(&self) -> Result<(), IndexError>;

    /// Upkeep: merges segments, reclaims deleted points, truncates logs. Searches go on meanwhile.
    async fn maintain(&self) -> Result<(), IndexError>;
}

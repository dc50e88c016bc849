//! From text to a searchable index: chunking, sparse and dense vectors, and the [`VectorIndex`].
//!
//! The index is derived: chunk texts, offsets and dense vectors stand in `PostgreSQL`, and either back end can be
//! rebuilt from there. Point ids are chunk ids.

mod chunk;
mod embed;
pub mod half;
mod sparse;
mod vector_index;

pub use chunk::{Chunk, Chunker, TokenizerError};
pub use embed::{Embedder, EmbeddingError, Priority};
pub use sparse::{SparseEncoder, SparseVector};
pub use vector_index::{Hit, IndexError, IndexStats, Point, TenantFilter, VectorIndex};

/// Local stand-in: title of the reader with the smallest UID.
pub async fn sparse_title(
    conn: &mut sqlx::PgConnection,
    document: crate::ids::DocumentId,
) -> Result<String, crate::db::DbError> {
    Ok(sqlx::query_scalar!(
        "select title from document_readers where document_id = $1 order by uid limit 1",
        document.0
    )
    .fetch_optional(conn)
    .await?
    .unwrap_or_default())
}

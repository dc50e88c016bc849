//! From text to a searchable index: chunking, sparse and dense vectors, and the [`VectorIndex`].
//!
//! The index is derived: chunk texts, offsets and dense vectors stand in `PostgreSQL`, and either back end can be
//! rebuilt from there. Point ids are chunk ids.

mod chunk;
mod embed;
mod sparse;
mod vector_index;

pub use chunk::{Chunk, Chunker};
pub use embed::{Embedder, EmbeddingError, Priority};
pub use sparse::{SparseEncoder, SparseVector};
pub use vector_index::{Hit, IndexError, IndexStats, Point, TenantFilter, VectorIndex};

//! From text to a searchable index: chunking, sparse and dense vectors, and the [`VectorIndex`].
//!
//! The index is derived: chunk texts, offsets and dense vectors stand in `PostgreSQL`, and either back end can be
//! rebuilt from there. Point ids are chunk ids.

mod chunk;
pub mod collection;
#[cfg(test)]
pub mod contract;
mod edge;
mod embed;
pub mod half;
mod model;
mod rebuild;
mod sparse;
mod vector_index;

pub use chunk::{Chunk, Chunker, TokenizerError};
pub use edge::{EdgeIndex, OpenOutcome};
pub use embed::{Embedder, EmbeddingError, Priority, RtenEmbedder};
pub use rebuild::{RebuildError, RebuildReport, needs_rebuild, rebuild, sparse_title};
pub use sparse::{SparseEncoder, SparseVector};
pub use vector_index::{Hit, IndexError, IndexStats, Point, TenantFilter, VectorIndex};

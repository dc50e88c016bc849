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
pub mod language;
mod model;
pub(crate) mod onnx;
mod qdrant;
mod rebuild;
mod schema;
mod sharing;
mod sparse;
mod succession;
mod terms;
mod vector_index;

pub use chunk::{Chunk, Chunker, TokenizerError};
pub use edge::{EdgeIndex, OpenOutcome};
pub use embed::{Embedder, EmbeddingError, Prefixed, Prefixes, Priority, RemoteEmbedder, RtenEmbedder};
pub use language::Language;
pub use qdrant::{Patience, QdrantIndex};
pub use rebuild::{RebuildError, RebuildReport, needs_rebuild, rebuild, sparse_title};
pub use sharing::{IndexRight, is_being_rebuilt};
pub use sparse::{SparseEncoder, SparseVector, TermAt};
pub use succession::{Former, SucceedingEmbedder, Succession};
pub use vector_index::{Hit, IndexError, IndexStats, Point, TenantFilter, VectorIndex};

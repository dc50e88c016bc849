//! Dense vectors.

mod inference;
mod rten;

pub use rten::RtenEmbedder;

use async_trait::async_trait;

/// Who waits for an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Indexing: may wait.
    Background,
    /// A person waits for a search.
    Interactive,
}

/// Why no vector came.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    /// The model cannot be loaded.
    #[error("the embedding model cannot be used: {0}")]
    Model(String),
    /// Inference failed.
    #[error("embedding failed: {0}")]
    Inference(String),
}

/// Makes dense vectors; L2-normalised.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Names model and dimension; part of the collection's name, so that vectors of two models never mix.
    fn identity(&self) -> &str;

    /// Length of a vector.
    fn dimension(&self) -> usize;

    /// Vectors of the texts (`batch × dimension`), in order.
    async fn embed(&self, texts: Vec<String>, priority: Priority) -> Result<Vec<Vec<f32>>, EmbeddingError>;
}

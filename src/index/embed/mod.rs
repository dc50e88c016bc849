//! Dense vectors.

mod inference;
mod prefix;
mod remote;
mod rten;

pub use prefix::{Prefixed, Prefixes};
pub use remote::RemoteEmbedder;
pub use rten::RtenEmbedder;

use async_trait::async_trait;

/// Who waits for an embedding, and so what kind of text it is of: models may treat queries and passages differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Indexing: may wait. The texts are passages.
    Background,
    /// A person waits for a search. The texts are queries.
    Interactive,
}

/// Why no vector came.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    /// The model cannot be used until somebody changes something; the text says what.
    #[error("the embedding model cannot be used: {0}")]
    Model(String),
    /// The service that embeds is away or overloaded; it may come back by itself.
    #[error("the embedding service is not available: {0}")]
    Unavailable(String),
    /// Inference failed, maybe because of these texts.
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

/// Scales a vector to length 1; zeros stay.
fn unit_length(vector: &mut [f32]) {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        for value in vector {
            *value /= length;
        }
    }
}

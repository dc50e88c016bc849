//! BERT-family models run in this process with `rten`: encoders for [`super::Embedder`]s, cross-encoders for rerankers.

mod bert;
mod directory;
#[cfg(test)]
pub(crate) mod synthetic;

pub(crate) use bert::{BertModel, ModelSource, Output};
pub(crate) use directory::{ModelDirectory, Pooling};

/// Why a model gives nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum OnnxError {
    /// Files are missing, damaged, or of a kind that is not known here.
    #[error("{0}")]
    Model(String),
    /// The model failed on these texts.
    #[error("{0}")]
    Inference(String),
}

//! Dense vectors.

use std::path::PathBuf;

/// Who makes dense vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingProvider {
    /// The model in `models/`, run in this process.
    Embedded,
    /// Nobody: keyword search only.
    None,
}

/// `EMBEDDING_PROVIDER` and the model's place.
#[derive(Debug, Clone)]
pub struct EmbeddingConfig {
    /// `EMBEDDING_PROVIDER`: `embedded` (default) or `none`.
    pub provider: EmbeddingProvider,
    /// `EMBEDDING_MODEL_DIR`: directory with `model.onnx` and `tokenizer.json`; absent: the built-in model.
    pub model_dir: Option<PathBuf>,
    /// `EMBEDDING_THREADS`: CPU threads for inference while indexing.
    pub threads: usize,
}

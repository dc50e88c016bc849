//! Dense vectors.

use super::reader::Reader;
use super::variables;
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

impl EmbeddingConfig {
    pub(super) fn load(reader: &mut Reader<'_>) -> Self {
        let provider = match reader
            .text(variables::EMBEDDING_PROVIDER)
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None | Some("embedded") => EmbeddingProvider::Embedded,
            Some("none") => EmbeddingProvider::None,
            Some(_) => {
                reader.problem(
                    variables::EMBEDDING_PROVIDER,
                    "unknown provider",
                    "Write embedded or none.",
                );
                EmbeddingProvider::Embedded
            }
        };
        let model_dir = reader.path(variables::EMBEDDING_MODEL_DIR);
        if let Some(dir) = &model_dir
            && let Some(missing) = ["model.onnx", "tokenizer.json"]
                .iter()
                .find(|file| !dir.join(file).is_file())
        {
            let problem = format!("{} has no {missing}", dir.display());
            reader.problem(
                variables::EMBEDDING_MODEL_DIR,
                problem,
                "Name a directory with model.onnx and tokenizer.json, or unset it for the built-in model.",
            );
        }
        // One core stays free for answering requests.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = reader.number(
            variables::EMBEDDING_THREADS,
            cores.saturating_sub(1).max(1),
            1..=256,
        );
        Self {
            provider,
            model_dir,
            threads,
        }
    }
}

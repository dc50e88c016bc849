//! Dense vectors.

use super::reader::Reader;
use super::variables::{self, Variable};
use secrecy::SecretString;
use std::path::{Path, PathBuf};
use url::Url;

/// Where Ollama listens unless told otherwise.
const OLLAMA_URL: &str = "http://localhost:11434";
/// Ollama's usual embedding model.
const OLLAMA_MODEL: &str = "nomic-embed-text";
/// `OpenAI`'s own service.
const OPENAI_URL: &str = "https://api.openai.com/v1";
/// Its usual embedding model.
const OPENAI_MODEL: &str = "text-embedding-3-small";

/// Who makes dense vectors.
#[derive(Debug, Clone)]
pub enum EmbeddingProvider {
    /// A model run in this process.
    Embedded {
        /// `EMBEDDING_MODEL_DIR`: directory with an ONNX model and its tokenizer; absent: the built-in model.
        model_dir: Option<PathBuf>,
    },
    /// `Ollama`.
    Ollama(EmbeddingService),
    /// A service that speaks `OpenAI`'s protocol.
    OpenAi(EmbeddingService),
    /// Nobody: keyword search only.
    None,
}

/// A service that makes dense vectors.
#[derive(Debug, Clone)]
pub struct EmbeddingService {
    /// Its base URL.
    pub url: Url,
    /// The model asked for.
    pub model: String,
    /// Sent as bearer token.
    pub api_key: Option<SecretString>,
}

/// `EMBEDDING_PROVIDER` and what belongs to it.
#[derive(Debug, Clone)]
pub struct EmbeddingConfig {
    /// `EMBEDDING_PROVIDER`: `embedded` (default), `ollama`, `openai` or `none`.
    pub provider: EmbeddingProvider,
    /// `EMBEDDING_THREADS`: CPU threads for inference while indexing.
    pub threads: usize,
    /// `EMBEDDING_CONCURRENCY`: requests to a service at one time while indexing.
    pub concurrency: usize,
    /// `EMBEDDING_QUERY_PREFIX`: put before each query; absent: as the model's files say.
    pub query_prefix: Option<String>,
    /// `EMBEDDING_PASSAGE_PREFIX`: put before each passage; absent: as the model's files say.
    pub passage_prefix: Option<String>,
    /// `OLLAMA_*`, also where another provider embeds: the former one may still embed queries.
    pub ollama: Option<EmbeddingService>,
    /// `OPENAI_*`, likewise.
    pub open_ai: Option<EmbeddingService>,
}

impl EmbeddingConfig {
    pub(super) fn load(reader: &mut Reader<'_>) -> Self {
        let ollama = service(
            reader,
            (variables::OLLAMA_BASE_URL, OLLAMA_URL),
            (variables::OLLAMA_EMBEDDING_MODEL, OLLAMA_MODEL),
            variables::OLLAMA_API_KEY,
        );
        let open_ai = service(
            reader,
            (variables::OPENAI_BASE_URL, OPENAI_URL),
            (variables::OPENAI_EMBEDDING_MODEL, OPENAI_MODEL),
            variables::OPENAI_API_KEY,
        );
        let provider = provider(reader, ollama.clone(), open_ai.clone());
        // One core stays free for answering requests.
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = reader.number(
            variables::EMBEDDING_THREADS,
            cores.saturating_sub(1).max(1),
            1..=256,
        );
        Self {
            provider,
            threads,
            concurrency: reader.number(variables::EMBEDDING_CONCURRENCY, 2, 1..=64),
            query_prefix: reader.verbatim(variables::EMBEDDING_QUERY_PREFIX),
            passage_prefix: reader.verbatim(variables::EMBEDDING_PASSAGE_PREFIX),
            ollama,
            open_ai,
        }
    }
}

fn provider(
    reader: &mut Reader<'_>,
    ollama: Option<EmbeddingService>,
    open_ai: Option<EmbeddingService>,
) -> EmbeddingProvider {
    let model_dir = reader.path(variables::EMBEDDING_MODEL_DIR);
    if let Some(directory) = &model_dir {
        check_model_directory(reader, variables::EMBEDDING_MODEL_DIR, directory);
    }
    let name = reader
        .text(variables::EMBEDDING_PROVIDER)
        .map(str::to_ascii_lowercase);
    match name.as_deref() {
        None | Some("embedded") => {
            if name.is_none() && reader.is_set(variables::OLLAMA_BASE_URL) {
                reader.warn(
                    "OLLAMA_BASE_URL is set, but EMBEDDING_PROVIDER=ollama is not: the built-in model embeds",
                );
            }
            EmbeddingProvider::Embedded { model_dir }
        }
        Some("ollama") => ollama.map_or(EmbeddingProvider::None, EmbeddingProvider::Ollama),
        Some("openai") => {
            if open_ai.as_ref().is_some_and(|service| {
                service.api_key.is_none() && service.url.host_str() == Some("api.openai.com")
            }) {
                reader.problem(
                    variables::OPENAI_API_KEY,
                    "required by api.openai.com",
                    "Set it, or name another service with OPENAI_BASE_URL.",
                );
            }
            open_ai.map_or(EmbeddingProvider::None, EmbeddingProvider::OpenAi)
        }
        Some("none") => EmbeddingProvider::None,
        Some(_) => {
            reader.problem(
                variables::EMBEDDING_PROVIDER,
                "unknown provider",
                "Write embedded, ollama, openai or none.",
            );
            EmbeddingProvider::None
        }
    }
}

fn service(
    reader: &mut Reader<'_>,
    (url, default_url): (&Variable, &str),
    (model, default_model): (&Variable, &str),
    key: &Variable,
) -> Option<EmbeddingService> {
    let model = reader.text(model).unwrap_or(default_model).to_owned();
    let api_key = reader.secret(key);
    let url = if reader.is_set(url) {
        reader.url(url)
    } else {
        Url::parse(default_url).ok()
    };
    Some(EmbeddingService {
        url: url?,
        model,
        api_key,
    })
}

/// Reports what a model directory lacks.
pub(super) fn check_model_directory(reader: &mut Reader<'_>, variable: &Variable, directory: &Path) {
    let lacks = |file: &str| !directory.join(file).is_file();
    let missing = if lacks("model.onnx") && lacks("onnx/model.onnx") {
        "model.onnx"
    } else if lacks("tokenizer.json") {
        "tokenizer.json"
    } else {
        return;
    };
    reader.problem(
        variable,
        format!("{} has no {missing}", directory.display()),
        "Name a directory with model.onnx (or onnx/model.onnx) and tokenizer.json, or unset it.",
    );
}

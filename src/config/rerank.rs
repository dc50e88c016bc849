//! Reranking of the best results.

use super::reader::Reader;
use super::variables;
use secrecy::SecretString;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Who reranks.
#[derive(Debug, Clone)]
pub enum RerankModel {
    /// A service that speaks Cohere's protocol.
    Service {
        /// `RERANK_URL`: its base URL, or the address of its `rerank` itself.
        url: Url,
        /// `RERANK_API_KEY`.
        api_key: Option<SecretString>,
        /// `RERANK_MODEL`; left out of the request when absent.
        model: Option<String>,
    },
    /// `RERANK_MODEL_DIR`: a cross-encoder run in this process.
    Directory(PathBuf),
}

/// Reranking, where it is wanted.
#[derive(Debug, Clone)]
pub struct RerankConfig {
    /// Who reranks.
    pub model: RerankModel,
    /// `RERANK_CANDIDATES`: how many of the best results are reranked.
    pub candidates: usize,
    /// `RERANK_TIMEOUT_SECONDS`: when the order stays as it was.
    pub timeout: Duration,
}

impl RerankConfig {
    pub(super) fn load(reader: &mut Reader<'_>) -> Option<Self> {
        let url = reader.url(variables::RERANK_URL);
        let api_key = reader.secret(variables::RERANK_API_KEY);
        let model = reader.text(variables::RERANK_MODEL).map(str::to_owned);
        let directory = reader.path(variables::RERANK_MODEL_DIR);
        let candidates = reader.number(variables::RERANK_CANDIDATES, 50, 1..=200);
        let timeout = reader.number(variables::RERANK_TIMEOUT_SECONDS, 5, 1..=60);
        let model = match (url, directory) {
            (Some(_), Some(_)) => {
                reader.problem(
                    variables::RERANK_MODEL_DIR,
                    "RERANK_URL is set too",
                    "Keep one of RERANK_URL and RERANK_MODEL_DIR.",
                );
                return None;
            }
            (Some(url), None) => RerankModel::Service { url, api_key, model },
            (None, Some(directory)) => {
                super::embedding::check_model_directory(reader, variables::RERANK_MODEL_DIR, &directory);
                RerankModel::Directory(directory)
            }
            (None, None) => return None,
        };
        Some(Self {
            model,
            candidates,
            timeout: Duration::from_secs(timeout),
        })
    }
}

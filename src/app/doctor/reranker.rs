//! Reranking.

use super::super::clock;
use super::Finding;
use crate::config::{Config, RerankModel};
use crate::search::rerank;

/// Scores a passage; `None` where nothing is reranked.
pub(super) async fn check(config: &Config) -> Option<Finding> {
    const NAME: &str = "reranker";
    let settings = config.rerank.as_ref()?;
    let (what, fix) = match &settings.model {
        RerankModel::Service { url, .. } => (
            url.to_string(),
            "check RERANK_URL, RERANK_MODEL and RERANK_API_KEY; without them the fused order stands",
        ),
        RerankModel::Directory(directory) => (directory.display().to_string(), "check RERANK_MODEL_DIR"),
    };
    let scored = async {
        let reranker = rerank::configured(settings, config.embedding.threads, clock())?;
        reranker.scores("a test", &["a test".to_owned()]).await
    };
    Some(match scored.await {
        Ok(_) => Finding::ok(NAME, what),
        Err(error) => Finding::problem(NAME, format!("{what}: {error}"), fix),
    })
}

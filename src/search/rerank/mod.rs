//! Reranking: a cross-encoder reads query and passage together and orders the best candidates anew.
//!
//! Optional and off by default. Only passages that the asker may open are handed to a [`Reranker`]: a remote one is a
//! third party.

mod local;
mod remote;

use crate::clock::SharedClock;
use crate::config::{RerankConfig, RerankModel};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// Scores passages against a query.
///
/// The caller hands over only what was verified for the asker, and bounds the number of passages. Any error means that
/// the order stays as it was and the answer says `degraded`.
#[async_trait]
pub trait Reranker: Send + Sync {
    /// One score per passage, in their order; higher is better. The scale is the model's own: only the order within
    /// one call means something.
    async fn scores(&self, query: &str, passages: &[String]) -> Result<Vec<f32>, RerankError>;

    /// The model's name: `RERANK_MODEL`, or the name of a local model's directory. `None` where the service chooses.
    fn model(&self) -> Option<&str>;
}

/// Why passages could not be reranked. Holds nothing of the query or the passages.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RerankError {
    /// The service cannot be reached, is overloaded, or failed.
    #[error("the reranker is not available: {0}")]
    Unavailable(String),
    /// No answer within `RERANK_TIMEOUT_SECONDS`.
    #[error("the reranker did not answer in time")]
    Timeout,
    /// Set up wrongly: the text says what to change.
    #[error("the reranker cannot be used: {0}")]
    Unusable(String),
    /// The answer is not one score per passage.
    #[error("the reranker's answer is unusable: {0}")]
    Answer(String),
}

/// The configured reranker. A local model is loaded at the first use; of a service nothing is asked yet. `threads`: for
/// a local model.
///
/// # Errors
/// [`RerankError::Unusable`] when a model's files or the URL cannot be used.
pub fn configured(
    config: &RerankConfig,
    threads: usize,
    clock: SharedClock,
) -> Result<Arc<dyn Reranker>, RerankError> {
    let reranker: Arc<dyn Reranker> = match &config.model {
        RerankModel::Service { url, api_key, model } => Arc::new(remote::RemoteReranker::new(
            url,
            api_key.as_ref(),
            model.clone(),
            config.timeout,
            clock,
        )?),
        RerankModel::Directory(directory) => Arc::new(local::LocalReranker::load(directory, threads)?),
    };
    Ok(Arc::new(InTime {
        reranker,
        limit: config.timeout,
    }))
}

/// A reranker that is given up after a while.
struct InTime {
    reranker: Arc<dyn Reranker>,
    limit: Duration,
}

#[async_trait]
impl Reranker for InTime {
    async fn scores(&self, query: &str, passages: &[String]) -> Result<Vec<f32>, RerankError> {
        let scores = tokio::time::timeout(self.limit, self.reranker.scores(query, passages)).await;
        let scores = scores.unwrap_or(Err(RerankError::Timeout))?;
        if scores.len() == passages.len() && scores.iter().all(|score| score.is_finite()) {
            Ok(scores)
        } else {
            Err(RerankError::Answer("not one number per passage".to_owned()))
        }
    }

    fn model(&self) -> Option<&str> {
        self.reranker.model()
    }
}

#[cfg(test)]
mod tests;

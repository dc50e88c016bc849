//! A reranking service that speaks Cohere's protocol: <https://docs.cohere.com/reference/rerank>.

use super::{RerankError, Reranker};
use crate::clock::SharedClock;
use crate::model_api::{ModelApi, ModelApiError, Retries};
use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use url::Url;

/// Longest passage sent, in bytes: cross-encoders read 512 word pieces, query included.
const PASSAGE_BYTES: usize = 4_000;

/// A service.
#[derive(Debug)]
pub(super) struct RemoteReranker {
    api: ModelApi,
    path: &'static str,
    model: Option<String>,
    retries: Retries,
}

#[derive(Deserialize)]
struct Answer {
    results: Vec<Scored>,
}

#[derive(Deserialize)]
struct Scored {
    index: usize,
    relevance_score: f32,
}

impl RemoteReranker {
    /// Sends nothing yet.
    pub(super) fn new(
        url: &Url,
        api_key: Option<&SecretString>,
        model: Option<String>,
        timeout: Duration,
        clock: SharedClock,
    ) -> Result<Self, RerankError> {
        let base = url.path().trim_end_matches('/');
        let path = if base.ends_with("/rerank") {
            ""
        } else if base.ends_with("/v1") || base.ends_with("/v2") {
            "/rerank"
        } else {
            "/v1/rerank"
        };
        let api =
            ModelApi::new(url, api_key, clock).map_err(|error| RerankError::Unusable(error.to_string()))?;
        Ok(Self {
            api,
            path,
            model,
            // A person waits, and there is an order to fall back to.
            retries: Retries {
                timeout,
                attempts: 2,
                first_wait: Duration::from_millis(200),
                longest_wait: Duration::from_secs(1),
            },
        })
    }
}

#[async_trait]
impl Reranker for RemoteReranker {
    async fn scores(&self, query: &str, passages: &[String]) -> Result<Vec<f32>, RerankError> {
        if passages.is_empty() {
            return Ok(Vec::new());
        }
        let documents: Vec<&str> = passages
            .iter()
            .map(|passage| &passage[..passage.floor_char_boundary(PASSAGE_BYTES)])
            .collect();
        let mut body = json!({ "query": query, "documents": documents, "top_n": documents.len() });
        if let Some(model) = &self.model {
            body["model"] = json!(model);
        }
        let answer: Answer = self
            .api
            .post(self.path, &body, self.retries)
            .await
            .map_err(explained)?;
        let mut scores: Vec<Option<f32>> = vec![None; passages.len()];
        for scored in answer.results {
            match scores.get_mut(scored.index) {
                Some(place) if place.is_none() && scored.relevance_score.is_finite() => {
                    *place = Some(scored.relevance_score);
                }
                _ => {
                    return Err(RerankError::Answer(
                        "a score that is double, alien or no number".to_owned(),
                    ));
                }
            }
        }
        let scores: Option<Vec<f32>> = scores.into_iter().collect();
        scores.ok_or_else(|| RerankError::Answer("not every passage has a score".to_owned()))
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }
}

fn explained(error: ModelApiError) -> RerankError {
    match error {
        ModelApiError::Timeout => RerankError::Timeout,
        ModelApiError::Unreachable(_) | ModelApiError::Overloaded(_) => {
            RerankError::Unavailable(error.to_string())
        }
        ModelApiError::KeyRefused(_) => RerankError::Unusable(format!("{error}: check RERANK_API_KEY")),
        ModelApiError::NotFound => {
            RerankError::Unusable("HTTP 404: check RERANK_URL and RERANK_MODEL".to_owned())
        }
        ModelApiError::Refused(_) | ModelApiError::Unusable(_) => RerankError::Unusable(error.to_string()),
        ModelApiError::Answer(text) => RerankError::Answer(text),
    }
}

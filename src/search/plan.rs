//! From the words of a query to what the index is asked.

use super::retrieve::QueryVectors;
use super::{Algorithm, SearchError};
use crate::index::{Embedder, EmbeddingError, Priority};

/// What will be asked, and what is missing from it.
#[derive(Debug)]
pub(super) struct Plan {
    /// The algorithm that runs.
    pub algorithm: Algorithm,
    /// Vectors of the query.
    pub vectors: QueryVectors,
    /// Why less than asked for will run.
    pub degraded: Option<&'static str>,
}

/// Makes the dense vector. Without one `hybrid` becomes `bm25` and says so; `semantic` has nothing to fall back to.
/// The terms follow when the reader's languages are known.
pub(super) async fn plan(
    algorithm: Algorithm,
    text: &str,
    embedder: Option<&dyn Embedder>,
) -> Result<Plan, SearchError> {
    let mut plan = Plan {
        algorithm,
        vectors: QueryVectors::default(),
        degraded: None,
    };
    match (algorithm, embedder) {
        (Algorithm::Bm25, _) => {}
        (Algorithm::Semantic, None) => {
            return Err(SearchError::Invalid(
                "algorithm \"semantic\" needs an embedding model, and none is configured: use \"bm25\", or set \
                 EMBEDDING_PROVIDER on the server"
                    .into(),
            ));
        }
        (Algorithm::Hybrid, None) => plan.keyword_only(
            "no embedding model is configured (EMBEDDING_PROVIDER), so results are found by keyword only",
        ),
        (algorithm, Some(embedder)) => match embed(embedder, text).await {
            Ok(vector) => plan.vectors.dense = Some(vector),
            Err(error) => {
                tracing::warn!(%error, "the query could not be embedded");
                if algorithm == Algorithm::Semantic {
                    return Err(SearchError::Unavailable(
                        "the embedding model failed; use algorithm \"bm25\" or try again later".into(),
                    ));
                }
                plan.keyword_only("the embedding model failed, so results are found by keyword only");
            }
        },
    }
    Ok(plan)
}

impl Plan {
    fn keyword_only(&mut self, reason: &'static str) {
        self.algorithm = Algorithm::Bm25;
        self.degraded = Some(reason);
    }
}

/// The vector of a query.
pub(super) async fn embed(embedder: &dyn Embedder, query: &str) -> Result<Vec<f32>, EmbeddingError> {
    let vectors = embedder
        .embed(vec![query.to_owned()], Priority::Interactive)
        .await?;
    vectors
        .into_iter()
        .next()
        .filter(|vector| vector.len() == embedder.dimension() && vector.iter().all(|value| value.is_finite()))
        .ok_or_else(|| EmbeddingError::Inference("the query's vector is missing or malformed".into()))
}

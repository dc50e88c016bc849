//! Reranking the best confirmed results with a cross-encoder, where that is configured and asked for.

use super::rank::Ranked;
use super::rerank::Reranker;
use super::texts::Texts;
use std::sync::Arc;

/// Why the order stayed as it was.
const FAILED: &str = "reranking failed, so results are in the order of the search";

/// A reranker and how many results it gets.
#[derive(Clone)]
pub struct Reranking {
    /// Scores passages.
    pub reranker: Arc<dyn Reranker>,
    /// Best results that are reranked.
    pub candidates: usize,
}

impl std::fmt::Debug for Reranking {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reranking")
            .field("candidates", &self.candidates)
            .finish_non_exhaustive()
    }
}

/// Orders the first of `results` anew. All of them are confirmed for the reader and their texts are read: they may
/// leave this server. Their scores stay in their places, because the model's own scale is nobody else's. Returns why
/// nothing was done.
pub(super) async fn reorder(
    reranking: &Reranking,
    query: &str,
    results: &mut [Ranked],
    texts: &Texts,
) -> Result<(), &'static str> {
    let count = reranking.candidates.min(results.len());
    let Some(best) = results.get_mut(..count).filter(|best| best.len() > 1) else {
        return Ok(());
    };
    let passages: Vec<String> = best
        .iter()
        .map(|result| {
            texts
                .get(result.chunk)
                .map(|text| text.passage.clone())
                .unwrap_or_default()
        })
        .collect();
    let scores = reranking
        .reranker
        .scores(query, &passages)
        .await
        .map_err(|error| {
            tracing::warn!(%error, "results could not be reranked");
            FAILED
        })?;
    if scores.len() != best.len() || scores.iter().any(|score| !score.is_finite()) {
        tracing::warn!("the reranker answered another number of scores");
        return Err(FAILED);
    }
    let places: Vec<f32> = best.iter().map(|result| result.score).collect();
    let mut ordered: Vec<(Ranked, f32)> = best.iter().copied().zip(scores).collect();
    ordered.sort_by(|one, other| other.1.total_cmp(&one.1));
    for (place, ((result, _), score)) in best.iter_mut().zip(ordered.into_iter().zip(places)) {
        *place = Ranked { score, ..result };
    }
    Ok(())
}

/// Results that must be confirmed so that every page is cut from the same reranked order.
pub(super) fn depth(reranking: Option<&Reranking>) -> usize {
    reranking.map_or(0, |reranking| reranking.candidates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{ChunkId, DocumentId};
    use crate::search::rerank::RerankError;
    use async_trait::async_trait;

    /// Scores in the order of the passages.
    struct Fixed(Result<Vec<f32>, RerankError>);

    #[async_trait]
    impl Reranker for Fixed {
        async fn scores(&self, _: &str, _: &[String]) -> Result<Vec<f32>, RerankError> {
            self.0.clone()
        }

        fn model(&self) -> Option<&str> {
            None
        }
    }

    async fn reordered(scores: Result<Vec<f32>, RerankError>) -> (Vec<(i64, f32)>, Result<(), &'static str>) {
        let mut results: Vec<Ranked> = [(1, 0.9), (2, 0.5), (3, 0.4), (4, 0.1)]
            .map(|(id, score)| Ranked {
                chunk: ChunkId(id),
                document: DocumentId(id),
                score,
            })
            .into();
        let reranking = Reranking {
            reranker: Arc::new(Fixed(scores)),
            candidates: 3,
        };
        let done = reorder(&reranking, "q", &mut results, &Texts::default()).await;
        (
            results
                .iter()
                .map(|result| (result.chunk.0, result.score))
                .collect(),
            done,
        )
    }

    #[tokio::test]
    async fn the_best_are_ordered_anew_and_the_scores_stay_in_their_places() {
        let (results, done) = reordered(Ok(vec![-3.0, 8.0, 1.0])).await;
        assert_eq!(results, [(2, 0.9), (3, 0.5), (1, 0.4), (4, 0.1)]);
        assert_eq!(done, Ok(()));
    }

    #[tokio::test]
    async fn a_failure_leaves_the_order_and_says_so() {
        for wrong in [
            Err(RerankError::Timeout),
            Ok(vec![1.0]),
            Ok(vec![1.0, f32::NAN, 0.0]),
        ] {
            let (results, done) = reordered(wrong).await;
            assert_eq!(
                results.iter().map(|result| result.0).collect::<Vec<_>>(),
                [1, 2, 3, 4]
            );
            assert_eq!(done, Err(FAILED));
        }
    }
}

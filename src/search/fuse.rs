//! Scores between 0 and 1 out of ranked lists (DESIGN §4). Pure.

use super::retrieve::Lists;
use super::{Algorithm, Fusion};
use crate::ids::ChunkId;
use crate::index::Hit;
use std::collections::HashMap;

/// The BM25 sum that scores one half: s / (s + c) with this c. A sum of 8 is about what two or three matching
/// words of middling rarity reach.
pub const BM25_HALF_SCORE: f32 = 8.0;

/// Reciprocal rank fusion's k.
const RRF_K: f32 = 60.0;

/// One score per chunk that stands in any list. `dense_weight`: how much the dense list counts in a hybrid search,
/// beside 1 for the sparse one.
pub(super) fn fuse(
    lists: &Lists,
    algorithm: Algorithm,
    fusion: Fusion,
    dense_weight: f32,
) -> HashMap<ChunkId, f32> {
    match algorithm {
        Algorithm::Semantic => scores(lists.dense.as_deref(), |hit| finite(hit.score).clamp(0.0, 1.0)),
        Algorithm::Bm25 => scores(lists.sparse.as_deref(), |hit| bm25_score(hit.score)),
        Algorithm::Hybrid => {
            let score: fn(&[Hit]) -> Vec<f32> = match fusion {
                Fusion::Rrf => reciprocal_ranks,
                Fusion::Dbsf => distribution_scores,
            };
            weighted_mean(lists, dense_weight, score)
        }
    }
}

fn scores(list: Option<&[Hit]>, score: impl Fn(&Hit) -> f32) -> HashMap<ChunkId, f32> {
    list.unwrap_or_default()
        .iter()
        .map(|hit| (hit.chunk, score(hit)))
        .collect()
}

/// s / (s + c), c = [`BM25_HALF_SCORE`].
pub(super) fn bm25_score(sum: f32) -> f32 {
    let sum = finite(sum).max(0.0);
    if sum.is_infinite() {
        1.0
    } else {
        sum / (sum + BM25_HALF_SCORE)
    }
}

/// A NaN counts as nothing.
fn finite(score: f32) -> f32 {
    if score.is_nan() { 0.0 } else { score }
}

/// Weighted mean of a chunk's scores over the lists asked: absence from a list counts 0.
fn weighted_mean(lists: &Lists, dense_weight: f32, score: fn(&[Hit]) -> Vec<f32>) -> HashMap<ChunkId, f32> {
    let mut sums: HashMap<ChunkId, f32> = HashMap::new();
    let mut all = 0.0;
    if let Some(list) = &lists.dense {
        // Alone, it is all there is.
        let weight = if lists.sparse.is_some() { dense_weight } else { 1.0 };
        all += weight;
        for (hit, score) in list.iter().zip(score(list)) {
            *sums.entry(hit.chunk).or_default() += weight * score;
        }
    }
    if let Some(list) = &lists.sparse {
        all += 1.0;
        for (hit, score) in list.iter().zip(score(list)) {
            *sums.entry(hit.chunk).or_default() += score;
        }
    }
    for sum in sums.values_mut() {
        *sum = (*sum / all).clamp(0.0, 1.0);
    }
    sums
}

/// 61 / (60 + rank), rank from 1: the first of a list scores 1.
fn reciprocal_ranks(list: &[Hit]) -> Vec<f32> {
    let mut rank = 0.0;
    list.iter()
        .map(|_| {
            rank += 1.0;
            (RRF_K + 1.0) / (RRF_K + rank)
        })
        .collect()
}

/// Where a score stands between μ − 3σ (0) and μ + 3σ (1) of its list, clipped. Scores that are all alike say
/// nothing and get one half.
fn distribution_scores(list: &[Hit]) -> Vec<f32> {
    let values: Vec<f64> = list
        .iter()
        .map(|hit| f64::from(finite(hit.score).clamp(-1e9, 1e9)))
        .collect();
    let count: f64 = values.iter().map(|_| 1.0).sum();
    let mean = values.iter().sum::<f64>() / count;
    let deviation = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt();
    values
        .iter()
        .map(|value| {
            if deviation < 1e-9 {
                return 0.5;
            }
            narrowed(((value - mean) / (6.0 * deviation) + 0.5).clamp(0.0, 1.0))
        })
        .collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a score between 0 and 1 needs no more than single precision"
)]
fn narrowed(score: f64) -> f32 {
    score as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DocumentId;
    use proptest::prelude::*;

    fn list(scores: &[(i64, f32)]) -> Vec<Hit> {
        scores
            .iter()
            .map(|&(id, score)| Hit {
                chunk: ChunkId(id),
                document: DocumentId(id),
                score,
            })
            .collect()
    }

    fn close(left: f32, right: f32) -> bool {
        (left - right).abs() < 1e-6
    }

    fn hybrid(dense: &[(i64, f32)], sparse: &[(i64, f32)]) -> Lists {
        Lists {
            dense: Some(list(dense)),
            sparse: Some(list(sparse)),
            named: Vec::new(),
            exhausted: true,
        }
    }

    #[test]
    fn rrf_first_in_both_lists_scores_one() {
        let lists = hybrid(&[(1, 0.9), (2, 0.8)], &[(1, 12.0), (3, 7.0)]);
        let scores = fuse(&lists, Algorithm::Hybrid, Fusion::Rrf, 1.0);
        assert!(close(scores[&ChunkId(1)], 1.0));
        assert!(close(scores[&ChunkId(2)], 61.0 / 62.0 / 2.0));
        assert!(
            close(scores[&ChunkId(2)], scores[&ChunkId(3)]),
            "equal ranks in one list each score alike"
        );
    }

    #[test]
    fn a_list_that_was_not_asked_does_not_halve_the_scores() {
        let lists = Lists {
            dense: Some(list(&[(1, 0.4)])),
            sparse: None,
            named: Vec::new(),
            exhausted: true,
        };
        assert!(close(
            fuse(&lists, Algorithm::Hybrid, Fusion::Rrf, 1.0)[&ChunkId(1)],
            1.0
        ));
    }

    #[test]
    fn the_dense_list_counts_as_much_as_its_weight_says() {
        let lists = hybrid(&[(1, 0.9), (2, 0.8)], &[(3, 12.0)]);
        let scores = fuse(&lists, Algorithm::Hybrid, Fusion::Rrf, 0.5);
        assert!(close(scores[&ChunkId(1)], 0.5 / 1.5));
        assert!(close(scores[&ChunkId(3)], 1.0 / 1.5));
    }

    #[test]
    fn dbsf_puts_the_mean_at_one_half_and_clips() {
        let lists = hybrid(&[(1, 1.0), (2, 0.5), (3, 0.0)], &[(2, 3.0), (1, 3.0), (3, 3.0)]);
        let scores = fuse(&lists, Algorithm::Hybrid, Fusion::Dbsf, 1.0);
        assert!(close(scores[&ChunkId(2)], 0.5));
        assert!(scores[&ChunkId(1)] > 0.5 && scores[&ChunkId(3)] < 0.5);

        // One outlier among a hundred equal scores lies beyond 3σ.
        let mut skewed: Vec<(i64, f32)> = (1..=100).map(|id| (id, 0.1)).collect();
        skewed.insert(0, (0, 100.0));
        let clipped = Lists {
            dense: Some(list(&skewed)),
            sparse: None,
            named: Vec::new(),
            exhausted: true,
        };
        assert!(close(
            fuse(&clipped, Algorithm::Hybrid, Fusion::Dbsf, 1.0)[&ChunkId(0)],
            1.0
        ));
    }

    #[test]
    fn single_lists_have_their_own_scale() {
        let lists = hybrid(&[(1, 0.7), (2, -0.3)], &[(1, BM25_HALF_SCORE), (2, 0.0)]);
        let semantic = fuse(&lists, Algorithm::Semantic, Fusion::Rrf, 1.0);
        assert!(close(semantic[&ChunkId(1)], 0.7) && close(semantic[&ChunkId(2)], 0.0));
        let bm25 = fuse(&lists, Algorithm::Bm25, Fusion::Rrf, 1.0);
        assert!(close(bm25[&ChunkId(1)], 0.5) && close(bm25[&ChunkId(2)], 0.0));
    }

    fn any_list() -> impl Strategy<Value = Vec<Hit>> {
        proptest::collection::btree_map(0_i64..40, any::<f32>(), 0..40)
            .prop_map(|scores| list(&scores.into_iter().collect::<Vec<_>>()))
    }

    proptest! {
        #[test]
        fn every_score_lies_between_zero_and_one(dense in any_list(), sparse in any_list()) {
            let lists = Lists { dense: Some(dense), sparse: Some(sparse), named: Vec::new(), exhausted: true };
            for algorithm in [Algorithm::Hybrid, Algorithm::Semantic, Algorithm::Bm25] {
                for fusion in [Fusion::Rrf, Fusion::Dbsf] {
                    for score in fuse(&lists, algorithm, fusion, 1.0).values() {
                        prop_assert!((0.0..=1.0).contains(score), "{algorithm:?} {fusion:?}: {score}");
                    }
                }
            }
        }

        #[test]
        fn fusion_does_not_depend_on_which_list_is_which(dense in any_list(), sparse in any_list()) {
            for fusion in [Fusion::Rrf, Fusion::Dbsf] {
                let one = Lists { dense: Some(dense.clone()), sparse: Some(sparse.clone()), named: Vec::new(), exhausted: true };
                let other = Lists { dense: Some(sparse.clone()), sparse: Some(dense.clone()), named: Vec::new(), exhausted: true };
                prop_assert_eq!(
                    fuse(&one, Algorithm::Hybrid, fusion, 1.0),
                    fuse(&other, Algorithm::Hybrid, fusion, 1.0)
                );
            }
        }

        #[test]
        fn a_better_rank_never_scores_less(dense in any_list()) {
            let lists = Lists { dense: Some(dense.clone()), sparse: Some(Vec::new()), named: Vec::new(), exhausted: true };
            let scores = fuse(&lists, Algorithm::Hybrid, Fusion::Rrf, 1.0);
            for pair in dense.windows(2) {
                prop_assert!(scores[&pair[0].chunk] > scores[&pair[1].chunk]);
            }
        }
    }
}

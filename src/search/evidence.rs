//! How good a hit of a hybrid search is by itself, beside its rank (docs/search-quality.md has the numbers).
//!
//! Reciprocal ranks say that a hit is the third, not that it is nearly as good as the first or far behind it; with
//! k = 60 the thirtieth still counts two thirds of the first. What a hit scored in its list, as a share of the best
//! score there, tells the difference. The first of both lists keeps the score 1.

use super::fuse::bm25_score;
use super::retrieve::Lists;
use crate::ids::ChunkId;
use crate::index::Hit;
use std::collections::HashMap;

/// How much of the score this is; the rest are the ranks.
const SHARE: f32 = 0.7;
/// How much the cosine counts beside the BM25 score.
const COSINE: f32 = 1.5;
/// Hits of the sparse list whose languages tell that of the query.
const TELLING: usize = 10;

/// Mixes what the hits scored into the fused scores. `dense_weight`: how much the dense list counts.
pub(super) fn mix(scores: &mut HashMap<ChunkId, f32>, lists: &Lists, dense_weight: f32) {
    let dense = lists.dense.as_deref().unwrap_or_default();
    let sparse = lists.sparse.as_deref().unwrap_or_default();
    let mut own: HashMap<ChunkId, f32> = HashMap::new();
    let mut add = |list: &[Hit], weight: f32, score: fn(f32) -> f32| {
        let best = list.iter().map(|hit| score(hit.score)).fold(0.0, f32::max);
        if best > 0.0 {
            for hit in list {
                *own.entry(hit.chunk).or_default() += weight * score(hit.score) / best;
            }
        }
    };
    let cosine = COSINE * dense_weight;
    add(dense, cosine, |score| {
        if score.is_nan() {
            0.0
        } else {
            score.clamp(0.0, 1.0)
        }
    });
    add(sparse, 1.0, bm25_score);
    let asked = |list: &Option<Vec<Hit>>, weight| if list.is_some() { weight } else { 0.0 };
    let all = asked(&lists.dense, cosine) + asked(&lists.sparse, 1.0);
    if all <= 0.0 {
        return;
    }
    for (chunk, score) in scores {
        let own = own.get(chunk).copied().unwrap_or_default() / all;
        *score = ((1.0 - SHARE) * *score + SHARE * own).clamp(0.0, 1.0);
    }
}

/// The hits that decide how others are ranked: the best scores, and the languages of the best matches. Nextcloud must
/// be asked about them, so that nothing that the reader may not open decides anything.
pub(super) fn deciding(lists: &Lists) -> impl Iterator<Item = &Hit> {
    lists
        .dense
        .iter()
        .filter_map(|list| list.first())
        .chain(telling(lists))
}

/// The hits whose languages tell that of the query.
pub(super) fn telling(lists: &Lists) -> impl Iterator<Item = &Hit> {
    lists.sparse.iter().flat_map(|list| list.iter().take(TELLING))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::DocumentId;
    use crate::search::fuse::fuse;
    use crate::search::{Algorithm, Fusion};

    fn list(hits: &[(i64, f32)]) -> Vec<Hit> {
        hits.iter()
            .map(|&(id, score)| Hit {
                chunk: ChunkId(id),
                document: DocumentId(id),
                score,
            })
            .collect()
    }

    fn mixed(dense: &[(i64, f32)], sparse: &[(i64, f32)], weight: f32) -> HashMap<ChunkId, f32> {
        let lists = Lists {
            dense: Some(list(dense)),
            sparse: Some(list(sparse)),
            named: Vec::new(),
            exhausted: true,
        };
        let mut scores = fuse(&lists, Algorithm::Hybrid, Fusion::Rrf, weight);
        mix(&mut scores, &lists, weight);
        scores
    }

    #[test]
    fn the_first_of_both_lists_scores_one() {
        let scores = mixed(&[(1, 0.6), (2, 0.1)], &[(1, 9.0), (2, 1.0)], 1.0);
        assert!((scores[&ChunkId(1)] - 1.0).abs() < 1e-6);
        assert!(scores[&ChunkId(2)] < 0.5);
    }

    #[test]
    fn a_hit_far_behind_the_best_falls_back() {
        let near = mixed(&[(1, 0.6), (2, 0.59), (3, 0.1)], &[], 1.0);
        assert!(near[&ChunkId(1)] - near[&ChunkId(2)] < 0.05);
        assert!(near[&ChunkId(2)] - near[&ChunkId(3)] > 0.2);
    }

    #[test]
    fn a_model_that_does_not_speak_the_language_counts_little() {
        let scores = mixed(&[(1, 0.6), (2, 0.2)], &[(2, 9.0), (1, 3.0)], 0.2);
        assert!(scores[&ChunkId(2)] > scores[&ChunkId(1)]);
    }

    #[test]
    fn no_score_makes_it_leave_the_scale() {
        let odd = [(1, f32::NAN), (2, f32::INFINITY), (3, -1.0)];
        for score in mixed(&odd, &odd, 1.0).values() {
            assert!((0.0..=1.0).contains(score), "{score}");
        }
    }
}

//! One ranking out of the lists: fused, cut at the threshold, in a stable order.

use super::hydrate::Candidate;
use super::retrieve::Lists;
use super::{Algorithm, Granularity, SearchRequest, fuse};
use crate::ids::{ChunkId, DocumentId};
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

/// A candidate at its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    /// Chunk.
    pub chunk: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// 0…1.
    pub score: f32,
}

/// The candidates in order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranking {
    /// Best first.
    pub results: Vec<Ranked>,
    /// Candidates were left out because they stand below the threshold.
    pub cut: bool,
}

/// Ranks the candidates that stand in the lists, best first: by score, then document, then position in the
/// document. Scores that differ by less than a millionth count as equal, so that rounding in a back end never
/// changes an order. With [`Granularity::Document`] only the best chunk of each document stays.
pub(super) fn rank(
    lists: &Lists,
    candidates: &HashMap<ChunkId, Candidate>,
    request: &SearchRequest,
    algorithm: Algorithm,
) -> Ranking {
    let mut ranked: Vec<(i64, &Candidate, f32)> = fuse::fuse(lists, algorithm, request.fusion)
        .into_iter()
        .filter_map(|(chunk, score)| Some((millionths(score), candidates.get(&chunk)?, score)))
        .collect();
    let all = ranked.len();
    ranked.retain(|&(_, _, score)| score >= request.score_threshold);
    let cut = ranked.len() < all;
    ranked.sort_unstable_by_key(|(score, candidate, _)| {
        (
            Reverse(*score),
            candidate.document,
            candidate.ordinal,
            candidate.chunk,
        )
    });
    let mut seen = HashSet::new();
    let results = ranked
        .into_iter()
        .filter(|(_, candidate, _)| {
            request.granularity == Granularity::Chunk || seen.insert(candidate.document)
        })
        .map(|(_, candidate, score)| Ranked {
            chunk: candidate.chunk,
            document: candidate.document,
            score,
        })
        .collect();
    Ranking { results, cut }
}

#[expect(clippy::cast_possible_truncation, reason = "a score is between 0 and 1")]
fn millionths(score: f32) -> i64 {
    (f64::from(score) * 1e6).round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::Hit;

    fn candidate(chunk: i64, document: i64, ordinal: i32) -> (ChunkId, Candidate) {
        let candidate = Candidate {
            chunk: ChunkId(chunk),
            document: DocumentId(document),
            ordinal,
            family: "file".into(),
            native_id: document.to_string(),
        };
        (ChunkId(chunk), candidate)
    }

    fn sparse(hits: &[(i64, i64, f32)]) -> Lists {
        let hits = hits
            .iter()
            .map(|&(chunk, document, score)| Hit {
                chunk: ChunkId(chunk),
                document: DocumentId(document),
                score,
            })
            .collect();
        Lists {
            dense: None,
            sparse: Some(hits),
            exhausted: true,
        }
    }

    fn order(ranking: &Ranking) -> Vec<i64> {
        ranking.results.iter().map(|ranked| ranked.chunk.0).collect()
    }

    #[test]
    fn near_equal_scores_are_ordered_by_document_and_position() {
        let candidates = HashMap::from([candidate(9, 1, 0), candidate(3, 2, 1), candidate(8, 2, 0)]);
        let lists = sparse(&[(3, 2, 5.000_001), (8, 2, 5.0), (9, 1, 5.000_000_5)]);
        let ranked = rank(&lists, &candidates, &SearchRequest::default(), Algorithm::Bm25);
        assert_eq!(order(&ranked), [9, 8, 3]);
    }

    #[test]
    fn documents_are_shown_by_their_best_chunk() {
        let candidates = HashMap::from([candidate(1, 7, 0), candidate(2, 7, 1), candidate(3, 8, 0)]);
        let lists = sparse(&[(2, 7, 9.0), (1, 7, 8.0), (3, 8, 7.0)]);
        let request = SearchRequest {
            granularity: Granularity::Document,
            ..SearchRequest::default()
        };
        assert_eq!(
            order(&rank(&lists, &candidates, &request, Algorithm::Bm25)),
            [2, 3]
        );
    }

    #[test]
    fn what_postgres_does_not_know_is_no_result() {
        let candidates = HashMap::from([candidate(1, 7, 0)]);
        let lists = sparse(&[(99, 5, 9.0), (1, 7, 8.0)]);
        assert_eq!(
            order(&rank(
                &lists,
                &candidates,
                &SearchRequest::default(),
                Algorithm::Bm25
            )),
            [1]
        );
    }

    #[test]
    fn results_below_the_threshold_are_left_out() {
        let candidates = HashMap::from([candidate(1, 7, 0), candidate(2, 8, 0)]);
        let lists = sparse(&[(1, 7, 24.0), (2, 8, 1.0)]);
        let request = SearchRequest {
            score_threshold: 0.5,
            ..SearchRequest::default()
        };
        let ranking = rank(&lists, &candidates, &request, Algorithm::Bm25);
        assert_eq!(order(&ranking), [1]);
        assert!(ranking.cut);
    }
}

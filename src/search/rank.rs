//! One ranking out of the lists: fused, lifted by names, cut at the threshold, in a stable order.

use super::hydrate::Candidate;
use super::retrieve::Lists;
use super::signals::Signals;
use super::{Algorithm, Granularity, SearchRequest, evidence, fuse};
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
///
/// Except in a semantic search, a chunk's score grows for the names of its folders and by `lift` (for a phrase in its
/// text), and a document called as the query goes first with its best chunk.
pub(super) fn rank(
    lists: &Lists,
    candidates: &HashMap<ChunkId, Candidate>,
    request: &SearchRequest,
    algorithm: Algorithm,
    signals: &Signals,
    lift: &dyn Fn(ChunkId) -> f32,
) -> Ranking {
    let dense_weight = signals.dense_weight(lists, candidates);
    let mut scores = fuse::fuse(lists, algorithm, request.fusion, dense_weight);
    if algorithm == Algorithm::Hybrid {
        evidence::mix(&mut scores, lists, dense_weight);
    }
    for hit in &lists.named {
        scores.entry(hit.chunk).or_insert(0.0);
    }
    let mut ranked: Vec<Entry<'_>> = scores
        .into_iter()
        .filter_map(|(chunk, value)| {
            Some(Entry {
                candidate: candidates.get(&chunk)?,
                value,
                is_called: false,
            })
        })
        .collect();
    if algorithm != Algorithm::Semantic {
        for entry in &mut ranked {
            let chunk = entry.candidate.chunk;
            entry.value *= 1.0 + signals.folder_lift(chunk) + lift(chunk);
        }
        sort(&mut ranked);
        let mut seen = HashSet::new();
        for entry in &mut ranked {
            entry.is_called = seen.insert(entry.candidate.document) && signals.is_called(entry.candidate);
        }
    }
    let all = ranked.len();
    ranked.retain(|entry| entry.score() >= request.score_threshold);
    let cut = ranked.len() < all;
    sort(&mut ranked);
    let mut seen = HashSet::new();
    let results = ranked
        .into_iter()
        .filter(|entry| request.granularity == Granularity::Chunk || seen.insert(entry.candidate.document))
        .map(|entry| Ranked {
            chunk: entry.candidate.chunk,
            document: entry.candidate.document,
            score: entry.score(),
        })
        .collect();
    Ranking { results, cut }
}

/// A candidate under way.
struct Entry<'a> {
    candidate: &'a Candidate,
    /// What it is ranked by; may be more than 1.
    value: f32,
    /// The best chunk of a document called as the query.
    is_called: bool,
}

impl Entry<'_> {
    /// What is shown, 0…1.
    fn score(&self) -> f32 {
        if self.is_called { 1.0 } else { self.value.min(1.0) }
    }
}

fn sort(ranked: &mut [Entry<'_>]) {
    ranked.sort_unstable_by_key(|entry| {
        (
            Reverse(entry.is_called),
            Reverse(millionths(entry.value)),
            entry.candidate.document,
            entry.candidate.ordinal,
            entry.candidate.chunk,
        )
    });
}

#[expect(clippy::cast_possible_truncation, reason = "a score is about 1 at most")]
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
            title: "title".into(),
            path: "/folder/title".into(),
            language: None,
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
            named: Vec::new(),
            exhausted: true,
        }
    }

    fn ranked(lists: &Lists, candidates: &HashMap<ChunkId, Candidate>, request: &SearchRequest) -> Ranking {
        let signals = Signals::default();
        rank(lists, candidates, request, Algorithm::Bm25, &signals, &|_| 0.0)
    }

    fn order(ranking: &Ranking) -> Vec<i64> {
        ranking.results.iter().map(|ranked| ranked.chunk.0).collect()
    }

    #[test]
    fn near_equal_scores_are_ordered_by_document_and_position() {
        let candidates = HashMap::from([candidate(9, 1, 0), candidate(3, 2, 1), candidate(8, 2, 0)]);
        let lists = sparse(&[(3, 2, 5.000_001), (8, 2, 5.0), (9, 1, 5.000_000_5)]);
        let ranking = ranked(&lists, &candidates, &SearchRequest::default());
        assert_eq!(order(&ranking), [9, 8, 3]);
    }

    #[test]
    fn documents_are_shown_by_their_best_chunk() {
        let candidates = HashMap::from([candidate(1, 7, 0), candidate(2, 7, 1), candidate(3, 8, 0)]);
        let lists = sparse(&[(2, 7, 9.0), (1, 7, 8.0), (3, 8, 7.0)]);
        let request = SearchRequest {
            granularity: Granularity::Document,
            ..SearchRequest::default()
        };
        assert_eq!(order(&ranked(&lists, &candidates, &request)), [2, 3]);
    }

    #[test]
    fn what_postgres_does_not_know_is_no_result() {
        let candidates = HashMap::from([candidate(1, 7, 0)]);
        let lists = sparse(&[(99, 5, 9.0), (1, 7, 8.0)]);
        assert_eq!(
            order(&ranked(&lists, &candidates, &SearchRequest::default())),
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
        let ranking = ranked(&lists, &candidates, &request);
        assert_eq!(order(&ranking), [1]);
        assert!(ranking.cut);
    }
}

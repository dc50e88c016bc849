//! nDCG@10, Recall@10 and MRR of one ranking.

use std::collections::HashMap;

/// How far down a ranking counts.
pub(crate) const DEPTH: usize = 10;

/// The measures of a ranking, or their means.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measures {
    /// Gain 2^grade − 1, discount log2(rank + 1), divided by that of the best possible order.
    pub(crate) ndcg: f64,
    /// Share of the relevant documents (grade 1 or more) among the first ten.
    pub(crate) recall: f64,
    /// 1 / rank of the first relevant document of those that were found.
    pub(crate) reciprocal_rank: f64,
}

impl Measures {
    /// Of document ids, best first.
    pub(crate) fn of(ranking: &[&str], judgements: &HashMap<String, u32>) -> Self {
        let grade = |id: &str| judgements.get(id).copied().unwrap_or_default();
        let relevant = judgements.values().filter(|grade| **grade > 0).count();
        let first = ranking.iter().take(DEPTH);
        let found = first.clone().filter(|id| grade(id) > 0).count();
        let mut ideal: Vec<u32> = judgements.values().copied().collect();
        ideal.sort_unstable_by(|a, b| b.cmp(a));
        let best = gain(ideal.into_iter());
        let place = ranking.iter().position(|id| grade(id) > 0);
        Self {
            ndcg: ratio(gain(first.map(|id| grade(id))), best),
            recall: ratio(number(found), number(relevant)),
            reciprocal_rank: place.map_or(0.0, |place| 1.0 / (number(place) + 1.0)),
        }
    }

    /// The mean of several; zeros for none.
    pub(crate) fn mean(all: &[Self]) -> Self {
        let mean = |value: fn(&Self) -> f64| ratio(all.iter().map(value).sum(), number(all.len()));
        Self {
            ndcg: mean(|measures| measures.ndcg),
            recall: mean(|measures| measures.recall),
            reciprocal_rank: mean(|measures| measures.reciprocal_rank),
        }
    }
}

fn gain(grades: impl Iterator<Item = u32>) -> f64 {
    grades
        .take(DEPTH)
        .enumerate()
        .map(|(place, grade)| (f64::from(grade).exp2() - 1.0) / (number(place) + 2.0).log2())
        .sum()
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Counts here are small.
pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}

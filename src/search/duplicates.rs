//! Passages of one document that say the same: only the best of them is shown.

use super::rank::Ranked;
use super::texts::Texts;
use crate::ids::DocumentId;
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash, Hasher};

/// Words in a shingle.
const SHINGLE: usize = 3;
/// Share of common shingles from which two passages count as the same.
const SAME: f64 = 0.8;

/// Leaves out the results from which on a better result of the same document says the same, among the first
/// `examined` whose texts were read. Returns how many of the examined stay.
pub(super) fn collapse(results: &mut Vec<Ranked>, examined: usize, texts: &Texts) -> usize {
    let examined = examined.min(results.len());
    let mut per_document: HashMap<DocumentId, usize> = HashMap::new();
    for result in &results[..examined] {
        *per_document.entry(result.document).or_default() += 1;
    }
    let mut shown: HashMap<DocumentId, Vec<BTreeSet<u64>>> = HashMap::new();
    let mut position = 0;
    let mut kept = 0;
    results.retain(|result| {
        position += 1;
        if position > examined {
            return true;
        }
        let alone = per_document.get(&result.document) == Some(&1);
        let stays = alone
            || texts.get(result.chunk).is_none_or(|text| {
                let own = shingles(&text.passage);
                let others = shown.entry(result.document).or_default();
                let new = !others.iter().any(|other| same(other, &own));
                if new {
                    others.push(own);
                }
                new
            });
        kept += usize::from(stays);
        stays
    });
    kept
}

/// Hashes of the runs of [`SHINGLE`] words; a shorter text is one run.
fn shingles(text: &str) -> BTreeSet<u64> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words
        .windows(SHINGLE.min(words.len()).max(1))
        .map(|run| {
            let mut hasher = DefaultHasher::new();
            run.hash(&mut hasher);
            hasher.finish()
        })
        .collect()
}

fn same(one: &BTreeSet<u64>, other: &BTreeSet<u64>) -> bool {
    let common = count(one.intersection(other));
    let all = count(one.iter()) + count(other.iter()) - common;
    all > 0.0 && common / all >= SAME
}

fn count<T>(items: impl Iterator<Item = T>) -> f64 {
    items.fold(0.0, |sum, _| sum + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_that_differ_in_a_word_are_the_same() {
        let text = "The ferry leaves at nine in the morning and comes back in the evening except on Sundays \
                    and bank holidays when it leaves at ten and comes back at five in the afternoon";
        let other = text.replace("five", "six");
        assert!(same(&shingles(text), &shingles(&other)));
        assert!(same(&shingles("A b"), &shingles("a, B!")));
        assert!(!same(
            &shingles(text),
            &shingles("The ferry leaves at nine in the morning")
        ));
        assert!(
            !same(&shingles(""), &shingles("")),
            "nothing is no duplicate of nothing"
        );
    }
}

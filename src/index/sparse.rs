//! BM25 sparse vectors.

use super::language;
use super::terms::{self, Term, Terms};
use super::{IndexError, Language};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Saturation of repeated terms, the usual value.
const K1: f32 = 1.2;
/// How far length counts, the usual value.
const B: f32 = 0.75;
/// Terms of an average passage with its title and headings, stop words gone: a full chunk of 222 word pieces has about
/// 170 words, of which 90 remain, and many chunks are shorter.
const AVERAGE_TERMS: f32 = 90.0;
/// How often the title's terms count beside the passage's.
const TITLE_WEIGHT: usize = 2;
/// Weight of a query's word that is a stop word in one of the reader's languages, when nothing tells that the query is
/// in that language.
const DOUBTFUL_WEIGHT: f32 = 0.25;

/// Term weights; the IDF factor is applied by the index.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SparseVector {
    /// Term ids, ascending.
    pub indices: Vec<u32>,
    /// Weights, one per index.
    pub values: Vec<f32>,
}

/// Turns passages and queries into term weights: BM25 with k1 = 1.2 and b = 0.75 over stems without stop words, by the
/// language of the document. Both back ends get the same vectors, so both rank alike.
#[derive(Debug)]
pub struct SparseEncoder {
    terms: Terms,
}

/// A word in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermAt {
    /// Its place, in bytes.
    pub place: Range<usize>,
    /// What it counts as.
    pub term: u32,
}

impl SparseEncoder {
    /// The encoder for every [`Language`].
    ///
    /// # Errors
    /// [`IndexError::Backend`] when the engine refuses a language, which tests exclude.
    pub fn new() -> Result<Self, IndexError> {
        Ok(Self { terms: Terms::new()? })
    }

    /// Term weights of a passage with its title and headings. `language`: the document's; English where none was
    /// recognised.
    pub fn document(
        &self,
        title: &str,
        heading_path: &[String],
        passage: &str,
        language: Option<Language>,
    ) -> SparseVector {
        weigh(&self.document_terms(title, heading_path, passage, language))
    }

    /// The terms that [`SparseEncoder::document`] weighs, each as often as it counts.
    pub fn document_terms(
        &self,
        title: &str,
        heading_path: &[String],
        passage: &str,
        language: Option<Language>,
    ) -> Vec<u32> {
        let mut found = Vec::new();
        let parts = std::iter::repeat_n(title, TITLE_WEIGHT)
            .chain(heading_path.iter().map(String::as_str))
            .chain([passage]);
        for part in parts {
            self.each_term(part, language, |term, _| found.push(term));
        }
        found
    }

    /// The words of a text that are no stop words, with their places.
    pub fn words(&self, text: &str, language: Option<Language>) -> Vec<TermAt> {
        let mut found = Vec::new();
        self.each_term(text, language, |term, place| found.push(TermAt { place, term }));
        found
    }

    fn each_term(&self, text: &str, language: Option<Language>, mut each: impl FnMut(u32, Range<usize>)) {
        let language = language.unwrap_or(Language::English);
        terms::words(text, |word, place| {
            if let Some(Term::Id(term)) = self.terms.term(word, language) {
                each(term, place);
            }
        });
    }

    /// Terms of a query that may meet documents in any of `languages` (English is always among them): a word counts as
    /// each of its stems once. Stop words of the query's language are left out; one of another language counts little.
    pub fn query(&self, query: &str, languages: &[Language]) -> SparseVector {
        let languages = with_english(languages);
        let language = self.query_language(query, &languages);
        let mut weights: BTreeMap<u32, f32> = BTreeMap::new();
        let mut stopped: BTreeSet<u32> = BTreeSet::new();
        terms::asked_words(query, |word, _| {
            let mut ids = BTreeSet::new();
            let mut stops = Vec::new();
            for candidate in &languages {
                match self.terms.term(word, *candidate) {
                    Some(Term::Id(id)) => drop(ids.insert(id)),
                    Some(Term::Stop) => stops.push(*candidate),
                    None => {}
                }
            }
            let weight = match language {
                _ if stops.is_empty() => 1.0,
                Some(language) if stops.contains(&language) => 0.0,
                Some(_) => 1.0,
                None => DOUBTFUL_WEIGHT,
            };
            if weight > 0.0 {
                for id in ids {
                    let known = weights.entry(id).or_insert(weight);
                    *known = known.max(weight);
                }
            } else {
                stopped.extend(ids);
            }
        });
        if weights.is_empty() {
            // Nothing but stop words: better these than nothing.
            weights.extend(stopped.into_iter().map(|id| (id, 1.0)));
        }
        let (indices, values) = weights.into_iter().unzip();
        SparseVector { indices, values }
    }

    /// Which of `languages` a query is written in: the one with most stop words in it, else the one that its letters
    /// speak for; `None` when neither tells.
    pub fn query_language(&self, query: &str, languages: &[Language]) -> Option<Language> {
        if let [only] = languages {
            return Some(*only);
        }
        let mut counts = vec![0_usize; languages.len()];
        terms::asked_words(query, |word, _| {
            for (count, language) in counts.iter_mut().zip(languages) {
                *count += usize::from(self.terms.term(word, *language) == Some(Term::Stop));
            }
        });
        let most = counts.iter().copied().max().unwrap_or_default();
        let mut leading = counts.iter().zip(languages).filter(|(count, _)| **count == most);
        match (leading.next(), leading.next()) {
            (Some((_, language)), None) if most >= 2 => Some(*language),
            _ => language::of_few_words(query, languages),
        }
    }
}

fn with_english(languages: &[Language]) -> Vec<Language> {
    let all: BTreeSet<Language> = languages.iter().copied().chain([Language::English]).collect();
    all.into_iter().collect()
}

/// BM25's part of a document: f · (k1 + 1) / (f + k1 · (1 − b + b · length / average)).
fn weigh(terms: &[u32]) -> SparseVector {
    let mut counts: BTreeMap<u32, f32> = BTreeMap::new();
    let mut length = 0.0;
    for term in terms {
        length += 1.0;
        *counts.entry(*term).or_default() += 1.0;
    }
    let norm = K1 * (1.0 - B + B * length / AVERAGE_TERMS);
    let (indices, values) = counts
        .into_iter()
        .map(|(term, count)| (term, count * (K1 + 1.0) / (count + norm)))
        .unzip();
    SparseVector { indices, values }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: Option<Language> = Some(Language::English);
    const BOTH: [Language; 2] = [Language::English, Language::German];

    fn weight(vector: &SparseVector, encoder: &SparseEncoder, term: &str) -> f32 {
        let id = encoder.query(term, &[]).indices[0];
        vector
            .indices
            .iter()
            .position(|index| *index == id)
            .map_or(0.0, |at| vector.values[at])
    }

    #[test]
    fn words_are_stemmed_and_stop_words_dropped() {
        let encoder = SparseEncoder::new().unwrap();
        assert_eq!(encoder.query("running", &[]), encoder.query("runs", &[]));
        assert!(encoder.query("the and of", &[]).indices.is_empty());
        let query = encoder.query("budget meeting notes", &[]);
        assert_eq!(query.values, [1.0; 3]);
        assert!(query.indices.is_sorted());
    }

    #[test]
    fn titles_weigh_more_than_passages() {
        let encoder = SparseEncoder::new().unwrap();
        let titled = encoder.document("Budget", &[], "The plan of the year.", ENGLISH);
        let passage = encoder.document("Plan", &[], "The budget of the year.", ENGLISH);
        let headed = encoder.document("Plan", &["Budget".to_owned()], "The words of the year.", ENGLISH);
        assert!(weight(&titled, &encoder, "budget") > weight(&passage, &encoder, "budget"));
        assert!(weight(&headed, &encoder, "budget") > 0.0);
        assert!(titled.indices.is_sorted());
    }

    #[test]
    fn a_query_meets_documents_of_each_language() {
        let encoder = SparseEncoder::new().unwrap();
        let german = encoder.document("", &[], "Die Rechnungen der Häuser", Some(Language::German));
        let english = encoder.document("", &[], "The invoices of the houses", ENGLISH);
        let meets = |query: &str, document: &SparseVector| {
            let terms = encoder.query(query, &BOTH);
            terms.indices.iter().any(|term| document.indices.contains(term))
        };
        assert!(meets("Rechnung", &german) && meets("Haus", &german));
        assert!(meets("invoice", &english) && meets("house", &english));
    }

    #[test]
    fn a_word_with_one_stem_counts_once() {
        let encoder = SparseEncoder::new().unwrap();
        assert_eq!(encoder.query("Zeppelin Zeppelin", &BOTH).values, [1.0]);
    }

    #[test]
    fn stop_words_are_those_of_the_querys_language() {
        let encoder = SparseEncoder::new().unwrap();
        let stem = |word| encoder.query(word, &[Language::English]).indices[0];
        let german = encoder.query("was war in der Rechnung für die Wohnung", &BOTH);
        assert!(!german.indices.contains(&stem("war")), "German for was");
        let english = encoder.query("what was the reason for the war of the roses", &BOTH);
        assert!(english.indices.contains(&stem("war")));
        let doubtful = encoder.query("war", &BOTH);
        assert_eq!(doubtful.indices, [stem("war")]);
    }
}

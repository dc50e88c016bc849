//! What counts beside the two lists: the reader's own names of a document, and the languages that the embedding
//! model understands.

use super::evidence;
use super::hydrate::Candidate;
use super::retrieve::{Lists, QueryTerms};
use crate::ids::ChunkId;
use crate::index::language::speaks;
use crate::index::{Embedder, Hit, Language, SparseVector};
use std::collections::{BTreeSet, HashMap, HashSet};

/// By how much a score grows at most when the names of the folders are asked for.
const FOLDERS: f32 = 0.1;
/// How much the dense list counts when the query is in a language that the model does not understand.
const FOREIGN_QUERY: f32 = 0.1;

/// What is known of a query.
#[derive(Debug, Default)]
pub(super) struct Signals {
    /// The query as a title would be compared.
    name: String,
    /// Terms that count fully.
    terms: BTreeSet<u32>,
    /// Languages of the reader's documents that the embedding model does not understand.
    foreign: HashSet<Language>,
    /// By how much a candidate's score grows for its folders.
    folders: HashMap<ChunkId, f32>,
}

impl Signals {
    /// `languages`: those of the reader's documents.
    pub fn new(
        text: &str,
        terms: &SparseVector,
        embedder: Option<&dyn Embedder>,
        languages: &[Language],
    ) -> Self {
        let foreign: HashSet<Language> = languages
            .iter()
            .copied()
            .filter(|language| embedder.is_some_and(|embedder| !speaks(embedder.identity(), *language)))
            .collect();
        Self {
            name: name(text),
            terms: full(terms),
            foreign,
            folders: HashMap::new(),
        }
    }

    /// Terms of the query that count fully: those that are highlighted.
    pub fn terms(&self) -> &BTreeSet<u32> {
        &self.terms
    }

    /// Looks at the names of candidates.
    pub fn look_at(&mut self, candidates: &HashMap<ChunkId, Candidate>, encoder: &dyn QueryTerms) {
        if self.terms.is_empty() {
            return;
        }
        for candidate in candidates.values() {
            if self.folders.contains_key(&candidate.chunk) {
                continue;
            }
            let folders = candidate.path.rsplit_once('/').map_or("", |(folders, _)| folders);
            let lift = if folders.is_empty() {
                0.0
            } else {
                FOLDERS * self.share_in(folders, candidate.language, encoder)
            };
            self.folders.insert(candidate.chunk, lift);
        }
    }

    /// The share of the query's terms that stand in a text.
    fn share_in(&self, text: &str, language: Option<Language>, encoder: &dyn QueryTerms) -> f32 {
        let found: BTreeSet<u32> = encoder
            .words(text, language)
            .into_iter()
            .map(|word| word.term)
            .filter(|term| self.terms.contains(term))
            .collect();
        count(found.iter()) / count(self.terms.iter())
    }

    /// By how much a candidate's score grows for the names of its folders: 0, or a small share.
    pub fn folder_lift(&self, chunk: ChunkId) -> f32 {
        self.folders.get(&chunk).copied().unwrap_or_default()
    }

    /// Whether the document is called as the query: with or without the suffix of its file name.
    pub fn is_called(&self, candidate: &Candidate) -> bool {
        if self.name.is_empty() {
            return false;
        }
        let title = name(&candidate.title);
        let bare = candidate.title.rsplit_once('.').map(|(bare, _)| name(bare));
        // A note's title has no suffix, its file name has.
        let file = candidate.path.rsplit('/').next().map(name);
        [Some(title), bare, file]
            .into_iter()
            .flatten()
            .any(|title| title == self.name)
    }

    /// How much the dense list counts in this search, beside 1 for the sparse one. A few words tell their language
    /// badly; the documents that hold them tell it well.
    pub fn dense_weight(&self, lists: &Lists, candidates: &HashMap<ChunkId, Candidate>) -> f32 {
        if self.foreign.is_empty() {
            return 1.0;
        }
        let is_foreign = |hit: &Hit| {
            let language = candidates
                .get(&hit.chunk)
                .and_then(|candidate| candidate.language);
            language.is_some_and(|language| self.foreign.contains(&language))
        };
        let foreign = evidence::telling(lists).filter(|hit| is_foreign(hit)).count();
        let all = evidence::telling(lists).count();
        if all > 0 && 2 * foreign >= all {
            FOREIGN_QUERY
        } else {
            1.0
        }
    }
}

fn full(terms: &SparseVector) -> BTreeSet<u32> {
    terms
        .indices
        .iter()
        .zip(&terms.values)
        .filter(|(_, weight)| **weight >= 1.0)
        .map(|(term, _)| *term)
        .collect()
}

/// Words in lower case with one blank between them, whatever separates them in a file name.
fn name(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        if !out.is_empty() {
            out.push(' ');
        }
        out.extend(word.chars().flat_map(char::to_lowercase));
    }
    out
}

fn count<T>(items: impl Iterator<Item = T>) -> f32 {
    items.fold(0.0, |sum, _| sum + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_without_separators() {
        assert_eq!(name("report_2024-final.PDF"), "report 2024 final pdf");
        assert_eq!(name(" Report 2024 final pdf"), "report 2024 final pdf");
        assert_eq!(name("-._"), "");
    }
}

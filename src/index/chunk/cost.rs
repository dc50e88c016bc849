//! How many word pieces a word costs.

use std::collections::HashMap;
use tokenizers::Tokenizer;

/// Words remembered between texts; about 5 MB at most.
const MAX_KNOWN: usize = 50_000;

/// Counts word pieces, remembering words already seen: texts repeat their words, and asking the tokenizer is slow.
pub(super) struct CostCounter<'a> {
    tokenizer: &'a Tokenizer,
    known: HashMap<Box<str>, usize>,
}

impl<'a> CostCounter<'a> {
    pub(super) fn new(tokenizer: &'a Tokenizer, known: HashMap<Box<str>, usize>) -> Self {
        Self { tokenizer, known }
    }

    pub(super) fn into_known(self) -> HashMap<Box<str>, usize> {
        self.known
    }

    /// Word pieces of a blank-free word, at least 1 so that no chunk grows without end.
    pub(super) fn word(&mut self, word: &str) -> usize {
        if let Some(cost) = self.known.get(word) {
            return *cost;
        }
        let cost = match self.tokenizer.encode_fast(word, false) {
            Ok(encoding) => encoding.len().max(1),
            Err(_) => upper_bound(word),
        };
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        self.known.insert(word.into(), cost);
        cost
    }
}

/// The most word pieces that `piece` can cost wherever the word around it is cut: one per character after canonical
/// decomposition.
pub(super) fn upper_bound(piece: &str) -> usize {
    piece
        .chars()
        .map(|c| match c {
            // Hangul syllables fall apart into up to three letters, Indic vowel signs into two.
            '\u{AC00}'..='\u{D7A3}' => 3,
            '\u{0900}'..='\u{0DFF}' => 2,
            _ => 1,
        })
        .sum()
}

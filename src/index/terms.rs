//! Words of a text and the terms they count as: lower case, without accents, without endings.
//!
//! A term is the hash of a stem, made by the engine's own stemmers, so that the stems of all languages share one
//! vocabulary and a name is the same term everywhere. Compounds of programs and file names count as a whole and by their
//! parts: `projectPlan` is also `project` and `plan`, `report2024` in a document also `report` and `2024`.

use super::{IndexError, Language};
use qdrant_edge::bm25_embed::{EdgeBm25, EdgeBm25Config};
use std::borrow::Cow;
use std::ops::Range;

/// Letters and digits that a part of a compound has at least.
const LEAST_PART: usize = 2;
/// Longest word, in bytes: what is longer (encoded data) is no word.
const LONGEST_WORD: usize = 200;

/// What a word counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Term {
    /// A stop word of the language.
    Stop,
    /// The term.
    Id(u32),
}

/// Stemmers and stop words of every language.
#[derive(Debug)]
pub(super) struct Terms {
    stemmers: Vec<Stemmer>,
}

#[derive(Debug)]
struct Stemmer {
    exact: EdgeBm25,
    /// Without accents; where they tell endings apart there is none.
    folded: Option<EdgeBm25>,
}

impl Terms {
    pub fn new() -> Result<Self, IndexError> {
        let stemmers = Language::all().map(Stemmer::new).collect::<Result<_, _>>()?;
        Ok(Self { stemmers })
    }

    /// What `word` (letters and digits only) counts as in a language.
    pub fn term(&self, word: &str, language: Language) -> Option<Term> {
        self.stemmers.get(language as usize)?.term(word)
    }
}

impl Stemmer {
    fn new(language: Language) -> Result<Self, IndexError> {
        let model = |folding| {
            EdgeBm25::new(EdgeBm25Config {
                language: Some(language.name().to_owned()),
                ascii_folding: Some(folding),
                ..EdgeBm25Config::default()
            })
            .map_err(|error| IndexError::Backend(error.to_string()))
        };
        let folds = matches!(
            language,
            Language::Dutch
                | Language::English
                | Language::German
                | Language::Italian
                | Language::Portuguese
                | Language::Spanish
        );
        Ok(Self {
            exact: model(false)?,
            folded: folds.then(|| model(true)).transpose()?,
        })
    }

    fn term(&self, word: &str) -> Option<Term> {
        if word.is_empty() {
            return None;
        }
        let word = without_marks(word);
        // Stop words are listed with their accents.
        let Some(exact) = self.exact.embed_query(&word).indices.first().copied() else {
            return Some(Term::Stop);
        };
        let folded = self.folded.as_ref().filter(|_| !word.is_ascii());
        let id = folded.map_or(Some(exact), |model| {
            model.embed_query(&word).indices.first().copied()
        });
        Some(Term::Id(id.unwrap_or(exact)))
    }
}

/// Calls `each` with every word of `text` and its place, in bytes; parts of a compound follow it.
pub(super) fn words<'t>(text: &'t str, each: impl FnMut(&'t str, Range<usize>)) {
    divided(
        text,
        |before, c| changes_case(before, c) || changes_kind(before, c),
        each,
    );
}

/// The words of a query. What mixes letters and digits, such as `INV2024`, is a name there and counts as a whole only:
/// its parts would meet every other invoice.
pub(super) fn asked_words<'t>(query: &'t str, each: impl FnMut(&'t str, Range<usize>)) {
    divided(query, changes_case, each);
}

/// `projectPlan`
fn changes_case(before: char, c: char) -> bool {
    before.is_lowercase() && c.is_uppercase()
}

/// `report2024`
fn changes_kind(before: char, c: char) -> bool {
    (before.is_alphabetic() && c.is_numeric()) || (before.is_numeric() && c.is_alphabetic())
}

/// The words, and their parts where `cuts` says so of two neighbours.
fn divided<'t>(
    text: &'t str,
    cuts: impl Fn(char, char) -> bool,
    mut each: impl FnMut(&'t str, Range<usize>),
) {
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (is_word_char(c), start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                start = None;
                if at - from <= LONGEST_WORD {
                    each(&text[from..at], from..at);
                    parts(text, from..at, &cuts, &mut each);
                }
            }
            _ => {}
        }
    }
}

/// Combining marks belong to the letter before them: file names from a Mac are written with them.
fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() || is_mark(c)
}

fn is_mark(c: char) -> bool {
    ('\u{300}'..='\u{36F}').contains(&c)
}

fn without_marks(word: &str) -> Cow<'_, str> {
    if word.is_ascii() || !word.contains(is_mark) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(word.chars().filter(|c| !is_mark(*c)).collect())
}

/// The parts of a compound.
fn parts<'t>(
    text: &'t str,
    word: Range<usize>,
    cuts: &impl Fn(char, char) -> bool,
    each: &mut impl FnMut(&'t str, Range<usize>),
) {
    let mut borders = vec![word.start];
    let mut before: Option<char> = None;
    for (at, c) in text[word.clone()].char_indices() {
        if before.is_some_and(|before| cuts(before, c)) {
            borders.push(word.start + at);
        }
        before = Some(c);
    }
    if borders.len() == 1 {
        return;
    }
    borders.push(word.end);
    for pair in borders.windows(2) {
        let part = &text[pair[0]..pair[1]];
        if part.chars().count() >= LEAST_PART {
            each(part, pair[0]..pair[1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        words(text, |word, place| {
            assert_eq!(&text[place], word);
            found.push(word);
        });
        found
    }

    #[test]
    fn words_are_letters_and_digits() {
        assert_eq!(listed("The café, née 12!"), ["The", "café", "née", "12"]);
        assert_eq!(listed("..."), [""; 0]);
        assert_eq!(listed(&"x".repeat(LONGEST_WORD + 1)), [""; 0]);
    }

    #[test]
    fn names_of_files_and_programs_fall_into_parts() {
        assert_eq!(
            listed("report_2024-final.pdf"),
            ["report", "2024", "final", "pdf"]
        );
        assert_eq!(listed("projectPlan"), ["projectPlan", "project", "Plan"]);
        assert_eq!(listed("report2024"), ["report2024", "report", "2024"]);
        assert_eq!(listed("B2B"), ["B2B"]);
    }

    #[test]
    fn a_query_does_not_take_identifiers_apart() {
        let mut found = Vec::new();
        asked_words("INV2024 of projectPlan", |word, _| found.push(word));
        assert_eq!(found, ["INV2024", "of", "projectPlan", "project", "Plan"]);
    }

    #[test]
    fn endings_accents_and_stop_words_are_those_of_the_language() {
        let terms = Terms::new().unwrap();
        let term = |word, language| terms.term(word, language).unwrap();
        assert_eq!(
            term("running", Language::English),
            term("runs", Language::English)
        );
        assert_eq!(
            term("Rechnungen", Language::German),
            term("rechnung", Language::German)
        );
        assert_eq!(term("für", Language::German), Term::Stop);
        assert_eq!(term("the", Language::English), Term::Stop);
        assert!(matches!(term("the", Language::German), Term::Id(_)));
        assert_eq!(term("Müller", Language::German), term("Muller", Language::German));
        assert_eq!(
            term("Mu\u{308}ller", Language::German),
            term("Müller", Language::German),
            "a decomposed umlaut is the same letter"
        );
        assert_eq!(
            term("Zürich", Language::German),
            term("ZURICH", Language::English),
            "what has no ending is one term in all languages"
        );
    }
}

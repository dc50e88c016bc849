//! Where a passage holds what was asked for, and the piece of it to show. Offsets are code points.

use super::retrieve::QueryTerms;
use crate::index::Language;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Longest snippet, in code points.
const SNIPPET: usize = 300;

/// A place in a text, in code points.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema, utoipa::ToSchema,
)]
pub struct Highlight {
    /// First code point.
    pub start: usize,
    /// One past the last.
    pub end: usize,
}

/// The part of a passage around its best match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema, utoipa::ToSchema)]
pub struct Snippet {
    /// At most 300 code points, whole words where they fit.
    pub text: String,
    /// Its first code point in the document's stored text.
    pub start: usize,
    /// What was asked for, in `text`.
    pub highlights: Vec<Highlight>,
}

/// What is marked in a text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Marks {
    /// Places in order, not overlapping.
    pub places: Vec<Highlight>,
    /// The term of each place; `None` for a phrase.
    terms: Vec<Option<u32>>,
}

/// Marks the words of `text` that share a stem with the query, and the phrases (in the form of
/// [`super::texts::plain`]).
pub(super) fn marks(
    text: &str,
    language: Option<Language>,
    terms: &BTreeSet<u32>,
    phrases: &[String],
    encoder: &dyn QueryTerms,
) -> Marks {
    let mut found: BTreeMap<(usize, usize), Option<u32>> = encoder
        .words(text, language)
        .into_iter()
        .filter(|word| terms.contains(&word.term))
        .map(|word| ((word.place.start, word.place.end), Some(word.term)))
        .collect();
    let folded = Folded::new(text);
    for phrase in phrases {
        for place in folded.find(phrase) {
            found.insert((place.start, place.end), None);
        }
    }
    let mut points = CodePoints::new(text);
    let mut marks = Marks::default();
    let mut end_of_last = 0;
    // A phrase goes before the words in it: the longer of two places with one beginning.
    let mut ordered: Vec<_> = found.into_iter().collect();
    ordered.sort_by_key(|((start, end), _)| (*start, std::cmp::Reverse(*end)));
    for ((start, end), term) in ordered {
        if start < end_of_last {
            continue;
        }
        end_of_last = end;
        marks.places.push(Highlight {
            start: points.at(start),
            end: points.at(end),
        });
        marks.terms.push(term);
    }
    marks
}

/// The piece of `text` with most different words of the query; its beginning when nothing is marked. `offset`: where
/// the text begins in its document.
pub(super) fn snippet(text: &str, offset: usize, marks: &Marks) -> Snippet {
    let chars: Vec<char> = text.chars().collect();
    let window = best_window(&chars, marks);
    let highlights = marks
        .places
        .iter()
        .filter(|place| place.start >= window.start && place.end <= window.end)
        .map(|place| Highlight {
            start: place.start - window.start,
            end: place.end - window.start,
        })
        .collect();
    Snippet {
        text: chars[window.clone()].iter().collect(),
        start: offset + window.start,
        highlights,
    }
}

fn best_window(chars: &[char], marks: &Marks) -> Range<usize> {
    if chars.len() <= SNIPPET {
        return 0..chars.len();
    }
    let mut best = (0, 0, 0..0);
    for (first, place) in marks.places.iter().enumerate() {
        let inside = marks.places[first..]
            .iter()
            .zip(&marks.terms[first..])
            .take_while(|(other, _)| other.end <= place.start + SNIPPET);
        let mut different = BTreeSet::new();
        let (mut count, mut end) = (0, place.end);
        for (other, term) in inside {
            different.insert(*term);
            count += 1;
            end = other.end;
        }
        if (different.len(), count) > (best.0, best.1) {
            best = (different.len(), count, place.start..end);
        }
    }
    let matched = best.2;
    let room = SNIPPET.saturating_sub(matched.len());
    // Read from the left: less before the match than after it.
    let start = matched.start.saturating_sub(room / 3).min(chars.len() - SNIPPET);
    let end = (start + SNIPPET).min(chars.len());
    whole_words(chars, start..end, &matched)
}

/// Moves the borders inwards to blanks, but not into the match.
fn whole_words(chars: &[char], window: Range<usize>, matched: &Range<usize>) -> Range<usize> {
    let mut start = window.start;
    if start > 0 && !chars[start - 1].is_whitespace() {
        let until = if matched.is_empty() {
            window.end
        } else {
            matched.start
        };
        start = (start..until)
            .find(|at| chars[*at].is_whitespace())
            .map_or(start, |at| at + 1);
    }
    let mut end = window.end;
    if end < chars.len() && !chars[end].is_whitespace() {
        let from = matched.end.max(start);
        end = (from..end)
            .rev()
            .find(|at| chars[*at].is_whitespace())
            .unwrap_or(end);
    }
    start.min(end)..end
}

/// A text in the form of [`super::texts::plain`], with the way back.
struct Folded {
    text: String,
    /// For each byte of `text`: the bytes of the original that it came from.
    origin: Vec<Range<usize>>,
}

impl Folded {
    fn new(original: &str) -> Self {
        let mut folded = Self {
            text: String::with_capacity(original.len()),
            origin: Vec::with_capacity(original.len()),
        };
        let mut blank = true;
        for (at, c) in original.char_indices() {
            let place = at..at + c.len_utf8();
            if c.is_whitespace() {
                if !blank {
                    folded.push(' ', &place);
                }
                blank = true;
            } else {
                c.to_lowercase().for_each(|c| folded.push(c, &place));
                blank = false;
            }
        }
        folded
    }

    fn push(&mut self, c: char, place: &Range<usize>) {
        self.text.push(c);
        self.origin.resize(self.text.len(), place.clone());
    }

    /// Places of a phrase in the original, in bytes.
    fn find(&self, phrase: &str) -> Vec<Range<usize>> {
        if phrase.is_empty() {
            return Vec::new();
        }
        self.text
            .match_indices(phrase)
            .map(|(at, found)| self.origin[at].start..self.origin[at + found.len() - 1].end)
            .collect()
    }
}

/// Byte → code point, for ascending or descending bytes.
struct CodePoints<'t> {
    text: &'t str,
    counted: (usize, usize),
}

impl<'t> CodePoints<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            counted: (0, 0),
        }
    }

    fn at(&mut self, byte: usize) -> usize {
        let (from, count) = if self.counted.0 <= byte {
            self.counted
        } else {
            (0, 0)
        };
        let count = count + self.text[from..byte].chars().count();
        self.counted = (byte, count);
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::SparseEncoder;
    use proptest::prelude::*;

    fn marked(text: &str, query: &str, phrases: &[&str]) -> (Marks, Vec<String>) {
        let encoder = SparseEncoder::new().unwrap();
        let terms = encoder.query(query, &[]).indices.into_iter().collect();
        let phrases: Vec<String> = phrases
            .iter()
            .map(|phrase| super::super::texts::plain(phrase))
            .collect();
        let marks = marks(text, None, &terms, &phrases, &encoder);
        let chars: Vec<char> = text.chars().collect();
        let shown = marks
            .places
            .iter()
            .map(|place| chars[place.start..place.end].iter().collect())
            .collect();
        (marks, shown)
    }

    #[test]
    fn words_of_one_stem_are_marked() {
        let (_, shown) = marked("🦀 Running costs: who runs the café?", "runs cafe", &[]);
        assert_eq!(shown, ["Running", "runs", "café"]);
    }

    #[test]
    fn a_phrase_is_one_mark_across_blanks_and_case() {
        let (_, shown) = marked(
            "See the Ferry\n  Timetable of the ferry.",
            "ferry timetable",
            &["ferry timetable"],
        );
        assert_eq!(shown, ["Ferry\n  Timetable", "ferry"]);
    }

    #[test]
    fn a_snippet_shows_the_place_with_most_words() {
        let text = format!(
            "{} ferry {} the ferry and its timetable {}",
            "ä ".repeat(300),
            "b ".repeat(300),
            "c ".repeat(300)
        );
        let (marks, _) = marked(&text, "ferry timetable", &[]);
        let snippet = snippet(&text, 1_000, &marks);
        assert!(
            snippet.text.contains("the ferry and its timetable"),
            "{}",
            snippet.text
        );
        assert!(snippet.text.chars().count() <= SNIPPET);
        assert_eq!(snippet.highlights.len(), 2);
        let place = snippet.highlights[1];
        let shown: String = snippet
            .text
            .chars()
            .skip(place.start)
            .take(place.end - place.start)
            .collect();
        assert_eq!(shown, "timetable");
        let there: String = text.chars().skip(snippet.start - 1_000).take(3).collect();
        assert!(snippet.text.starts_with(&there));
    }

    #[test]
    fn without_a_match_the_beginning_is_shown() {
        let text = "word ".repeat(200);
        let snippet = snippet(&text, 0, &Marks::default());
        assert!(snippet.start == 0 && snippet.text.ends_with("word") && snippet.highlights.is_empty());
    }

    proptest! {
        #[test]
        fn no_text_makes_marking_panic(text in "\\PC{0,60}|[a-zİßﬁ \n]{0,700}", query in "[a-zİ ]{0,12}") {
            let (marks, _) = marked(&text, &query, &[&query]);
            let snippet = snippet(&text, 7, &marks);
            let length = snippet.text.chars().count();
            prop_assert!(length <= SNIPPET);
            for place in snippet.highlights {
                prop_assert!(place.start < place.end && place.end <= length);
            }
        }
    }
}

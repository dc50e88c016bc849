//! Phrases: what is quoted must stand in a result, and words that stand together lift it.

use super::hydrate::Candidate;
use super::query_syntax::Query;
use super::texts::{Texts, plain};
use crate::ids::ChunkId;

/// By how much the score of a passage grows that holds the whole query word for word.
const LIFT: f32 = 0.15;

/// The phrases of a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Phrases {
    /// All of them must stand in a result.
    wanted: Vec<String>,
    /// The whole query, when it is several words.
    whole: Option<String>,
}

impl Phrases {
    pub fn of(query: &Query) -> Self {
        let whole = plain(&query.text);
        Self {
            wanted: query.phrases.iter().map(|phrase| plain(phrase)).collect(),
            whole: Some(whole).filter(|whole| whole.contains(' ')),
        }
    }

    /// Whether results without them are left out.
    pub fn are_wanted(&self) -> bool {
        !self.wanted.is_empty()
    }

    /// Whether [`Phrases::lift`] can be more than 0.
    pub fn may_lift(&self) -> bool {
        self.whole.is_some()
    }

    /// Whether every phrase stands in the passage, the title or the path. The text must have been read.
    pub fn stand_in(&self, candidate: &Candidate, texts: &Texts) -> bool {
        let passage = texts.get(candidate.chunk).map_or("", |text| text.plain.as_str());
        let (title, path) = (plain(&candidate.title), plain(&candidate.path));
        self.wanted
            .iter()
            .all(|phrase| [passage, &title, &path].iter().any(|text| text.contains(phrase)))
    }

    /// By how much the passage's score grows; 0 when its text was not read.
    pub fn lift(&self, chunk: ChunkId, texts: &Texts) -> f32 {
        let holds = |whole: &String| {
            texts
                .get(chunk)
                .is_some_and(|text| text.plain.contains(whole.as_str()))
        };
        if self.whole.as_ref().is_some_and(holds) {
            LIFT
        } else {
            0.0
        }
    }

    /// Those that must stand in a result, in the form of [`plain`].
    pub fn wanted(&self) -> &[String] {
        &self.wanted
    }
}

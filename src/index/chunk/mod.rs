//! Cutting a text into passages that fit the embedder.
//!
//! Own splitter instead of a library's: it counts word pieces once per distinct word, so that a text is cut at several
//! megabytes per second, and it knows the offsets and the headings.

mod cost;
mod units;

use cost::CostCounter;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokenizers::Tokenizer;
use units::{Border, Headings, Unit, Units};

/// Word pieces of a chunk's budget kept for the title and headings that are embedded with it.
const PREFIX_TOKENS: usize = 32;
/// Of these, at most so many for the title.
const TITLE_TOKENS: usize = 16;
/// `[CLS]` and `[SEP]`.
const SPECIAL_TOKENS: usize = 2;
/// A passage below this many word pieces carries no meaning; smaller budgets are raised to it.
const MIN_PASSAGE_TOKENS: usize = 16;

/// A passage of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// First code point in the document's text.
    pub start: usize,
    /// One past the last code point.
    pub end: usize,
    /// Headings of the section that the passage begins in, outermost first.
    pub heading_path: Vec<String>,
}

/// A tokenizer that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the tokenizer cannot be used: {0}")]
pub struct TokenizerError(String);

/// Token-aware, Markdown-aware chunking: at most 256 word pieces each, special tokens and the heading
/// path's prefix included.
pub struct Chunker {
    tokenizer: Tokenizer,
    passage_tokens: usize,
    /// Word pieces per word, kept between texts.
    known: Mutex<HashMap<Box<str>, usize>>,
}

impl std::fmt::Debug for Chunker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunker")
            .field("passage_tokens", &self.passage_tokens)
            .finish_non_exhaustive()
    }
}

impl Chunker {
    /// For an embedder that reads `max_tokens` word pieces of `tokenizer` (a Hugging Face `tokenizer.json`).
    pub fn new(mut tokenizer: Tokenizer, max_tokens: usize) -> Result<Self, TokenizerError> {
        tokenizer
            .with_truncation(None)
            .map_err(|error| TokenizerError(error.to_string()))?;
        tokenizer.with_padding(None);
        let passage_tokens = max_tokens
            .saturating_sub(SPECIAL_TOKENS + PREFIX_TOKENS)
            .max(MIN_PASSAGE_TOKENS);
        Ok(Self {
            tokenizer,
            passage_tokens,
            known: Mutex::default(),
        })
    }

    /// For the built-in model (256 word pieces); also used when there is no embedder.
    pub fn built_in() -> Result<Self, TokenizerError> {
        let tokenizer = Tokenizer::from_bytes(super::model::TOKENIZER)
            .map_err(|error| TokenizerError(error.to_string()))?;
        Self::new(tokenizer, super::model::MAX_TOKENS)
    }

    /// Cuts `text`; the chunks are in order, do not overlap, cover all non-blank text and end at code points.
    /// CPU-bound: call it off the async threads.
    pub fn chunk(&self, text: &str, markdown: bool) -> Vec<Chunk> {
        self.with_counter(|counter| {
            let mut units = Units::new(text, markdown, counter);
            let mut cutter = Cutter::new(text, self.passage_tokens);
            while let Some(unit) = units.next_unit() {
                cutter.push(unit, units.headings());
            }
            cutter.finish(units.headings())
        })
    }

    /// The text to embed for a passage: title and innermost headings, as far as they fit their share, then the passage.
    pub fn embedding_text(&self, title: &str, heading_path: &[String], passage: &str) -> String {
        self.with_counter(|counter| {
            let (title_part, mut used) = first_words(title, TITLE_TOKENS, counter);
            let mut headings = Vec::new();
            for heading in heading_path
                .iter()
                .rev()
                .filter(|heading| !heading.trim().eq_ignore_ascii_case(title.trim()))
            {
                let (part, tokens) = first_words(heading, PREFIX_TOKENS - used, counter);
                if part.is_empty() {
                    break;
                }
                used += tokens;
                headings.push(part);
            }
            headings.reverse();
            let mut out = String::with_capacity(title.len() + passage.len() + 64);
            for part in std::iter::once(title_part)
                .chain(headings)
                .filter(|part| !part.is_empty())
            {
                out.push_str(part);
                out.push('\n');
            }
            out.push_str(passage);
            out
        })
    }

    /// Word pieces of `text` with the special tokens: what the embedder reads.
    pub fn token_count(&self, text: &str) -> Result<usize, TokenizerError> {
        let encoding = self
            .tokenizer
            .encode_fast(text, true)
            .map_err(|error| TokenizerError(error.to_string()))?;
        Ok(encoding.len())
    }

    fn with_counter<R>(&self, work: impl FnOnce(&mut CostCounter<'_>) -> R) -> R {
        // Taken out, not held: texts are chunked in parallel, and a second one starts with an empty memory.
        let known = std::mem::take(&mut *self.known.lock().unwrap_or_else(PoisonError::into_inner));
        let mut counter = CostCounter::new(&self.tokenizer, known);
        let result = work(&mut counter);
        let known = counter.into_known();
        let mut kept = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > kept.len() {
            *kept = known;
        }
        result
    }
}

/// The first words of `text` that cost at most `budget`, and their cost.
fn first_words<'t>(text: &'t str, budget: usize, counter: &mut CostCounter<'_>) -> (&'t str, usize) {
    let mut units = Units::new(text, false, counter);
    let (mut end, mut used) = (0, 0);
    while let Some(unit) = units.next_unit() {
        if used + unit.cost > budget {
            break;
        }
        used += unit.cost;
        end = unit.end;
    }
    (text[..end].trim(), used)
}

/// Collects units until the budget is full, then cuts at the best border among them.
struct Cutter<'t> {
    text: &'t str,
    budget: usize,
    pending: Vec<Unit>,
    pending_cost: usize,
    chunks: Vec<Chunk>,
    /// Byte and code point up to which code points are counted.
    counted: (usize, usize),
}

impl<'t> Cutter<'t> {
    fn new(text: &'t str, budget: usize) -> Self {
        Self {
            text,
            budget,
            pending: Vec::new(),
            pending_cost: 0,
            chunks: Vec::new(),
            counted: (0, 0),
        }
    }

    fn push(&mut self, unit: Unit, headings: &Headings) {
        // A new section ends a chunk that is already half full; a long blank stretch ends any.
        if unit.border == Border::Gap
            || (unit.border == Border::Heading && self.pending_cost * 2 >= self.budget)
        {
            self.emit(self.pending.len(), headings);
        }
        while !self.pending.is_empty() && self.pending_cost + unit.cost > self.budget {
            let cut = self.best_cut(unit.border);
            self.emit(cut, headings);
        }
        self.pending_cost += unit.cost;
        self.pending.push(unit);
    }

    /// The number of pending units that the next chunk takes, when the unit after them has `next` before it.
    fn best_cut(&self, next: Border) -> usize {
        for (border, least) in [
            (Border::Heading, self.budget / 4),
            (Border::Paragraph, self.budget / 3),
            (Border::Sentence, self.budget / 2),
            (Border::Word, self.budget / 2),
        ] {
            if next >= border {
                return self.pending.len();
            }
            let mut cost = self.pending_cost;
            for at in (1..self.pending.len()).rev() {
                cost -= self.pending[at].cost;
                if cost < least {
                    break;
                }
                if self.pending[at].border >= border {
                    return at;
                }
            }
        }
        self.pending.len()
    }

    fn emit(&mut self, count: usize, headings: &Headings) {
        let Some((first, last)) = self.pending[..count].first().zip(self.pending[..count].last()) else {
            return;
        };
        let (start, end, section) = (first.start, last.end, first.section);
        let start = self.code_point(start);
        let end = self.code_point(end);
        self.chunks.push(Chunk {
            start,
            end,
            heading_path: headings.path(section),
        });
        self.pending.drain(..count);
        self.pending_cost = self.pending.iter().map(|unit| unit.cost).sum();
    }

    fn code_point(&mut self, byte: usize) -> usize {
        let (from, count) = self.counted;
        let count = count + self.text[from..byte].chars().count();
        self.counted = (byte, count);
        count
    }

    fn finish(mut self, headings: &Headings) -> Vec<Chunk> {
        self.emit(self.pending.len(), headings);
        self.chunks
    }
}

#[cfg(test)]
mod tests;

//! From text to what the index stores: the CPU work of phase 1, done off the async threads.

use crate::documents::{ExtractedText, SkipReason};
use crate::index::{Chunker, SparseEncoder, SparseVector, language};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What to prepare.
#[derive(Debug, Clone)]
pub struct Raw {
    /// The text.
    pub extracted: ExtractedText,
    /// Title that is searched with the text.
    pub title: String,
    /// Hash of what is visible now.
    pub visible_hash: Option<Vec<u8>>,
}

/// One passage, ready for the index.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedChunk {
    /// First code point.
    pub start: i32,
    /// One past the last code point.
    pub end: i32,
    /// Headings above.
    pub heading_path: Vec<String>,
    /// Hash of the text to be embedded.
    pub text_hash: Vec<u8>,
    /// BM25 weights.
    pub sparse: SparseVector,
    /// Page from 1, in documents that have pages.
    pub page: Option<i32>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub enum Prepared {
    /// Title and text are those that are visible already.
    Same,
    /// No text can be had, with the stable code of the reason.
    Skipped(&'static str),
    /// To be stored.
    Text {
        /// The extracted text.
        text: String,
        /// Hash of title and text.
        content_hash: Vec<u8>,
        /// Its passages, in order.
        chunks: Vec<PreparedChunk>,
        /// Pages of the document, if it has any.
        page_count: Option<i32>,
    },
}

/// Compares and cuts. `None` when the chunker panicked.
pub async fn prepare(chunker: &Arc<Chunker>, sparse: &Arc<SparseEncoder>, raw: Raw) -> Option<Prepared> {
    let (chunker, sparse) = (Arc::clone(chunker), Arc::clone(sparse));
    tokio::task::spawn_blocking(move || prepare_now(&chunker, &sparse, raw))
        .await
        .ok()
}

fn prepare_now(chunker: &Chunker, sparse: &SparseEncoder, raw: Raw) -> Prepared {
    let ExtractedText {
        text,
        markdown,
        pages,
    } = raw.extracted;
    let content_hash = hash(&[&raw.title, &text]);
    if raw.visible_hash.as_ref() == Some(&content_hash) {
        return Prepared::Same;
    }
    let cut = chunker.chunk(&text, markdown);
    let language = language::detect(&text);
    let mut cursor = Cursor::new(&text);
    let mut chunks = Vec::with_capacity(cut.len());
    for chunk in cut {
        let passage = cursor.slice(chunk.start, chunk.end);
        let embedded = chunker.embedding_text(&raw.title, &chunk.heading_path, passage);
        let (Ok(start), Ok(end)) = (i32::try_from(chunk.start), i32::try_from(chunk.end)) else {
            return Prepared::Skipped(SkipReason::TooLargeInside.as_str());
        };
        let page = pages
            .as_ref()
            .and_then(|pages| i32::try_from(pages.page_of(chunk.start, chunk.end)).ok());
        chunks.push(PreparedChunk {
            start,
            end,
            page,
            text_hash: hash(&[&embedded]),
            sparse: sparse.document(&raw.title, &chunk.heading_path, passage, language),
            heading_path: chunk.heading_path,
        });
    }
    if chunks.is_empty() {
        return Prepared::Skipped("empty");
    }
    Prepared::Text {
        text,
        content_hash,
        chunks,
        page_count: pages.and_then(|pages| i32::try_from(pages.count()).ok()),
    }
}

/// SHA-256 over length-prefixed parts.
fn hash(parts: &[&str]) -> Vec<u8> {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part.len().to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_vec()
}

/// Cuts a text at code points, walking it once when the cuts come in order.
pub struct Cursor<'t> {
    text: &'t str,
    point: usize,
    byte: usize,
}

impl<'t> Cursor<'t> {
    /// At the beginning of `text`.
    pub fn new(text: &'t str) -> Self {
        Self {
            text,
            point: 0,
            byte: 0,
        }
    }

    /// The code points from `start` up to `end`; what lies beyond the text is left out.
    pub fn slice(&mut self, start: usize, end: usize) -> &'t str {
        let from = self.byte_of(start);
        let to = self.byte_of(end.max(start));
        &self.text[from..to]
    }

    fn byte_of(&mut self, point: usize) -> usize {
        if point < self.point {
            (self.point, self.byte) = (0, 0);
        }
        let rest = &self.text[self.byte..];
        let ahead = point - self.point;
        let step = rest
            .char_indices()
            .nth(ahead)
            .map_or(rest.len(), |(index, _)| index);
        self.byte += step;
        self.point = point;
        self.byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_made_at_code_points_in_any_order() {
        let mut cursor = Cursor::new("äöü 😀 end");
        assert_eq!(cursor.slice(0, 3), "äöü");
        assert_eq!(cursor.slice(4, 5), "😀");
        assert_eq!(cursor.slice(1, 2), "ö", "going back works too");
        assert_eq!(
            cursor.slice(6, 99),
            "end",
            "what lies beyond the text is left out"
        );
    }

    #[test]
    fn the_hash_tells_where_a_part_ends() {
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
    }
}

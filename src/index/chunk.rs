//! Cutting a text into passages that fit the embedder.

/// A passage of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// First code point in the document's text.
    pub start: usize,
    /// One past the last code point.
    pub end: usize,
    /// Headings above the passage, outermost first.
    pub heading_path: Vec<String>,
}

/// Token-aware, Markdown-aware chunking: at most 256 word pieces each, special tokens and the heading
/// path's prefix included.
pub struct Chunker {}

impl Chunker {
    /// Cuts `text`; the chunks are in order, cover all non-blank text and end at code points.
    pub fn chunk(&self, text: &str, markdown: bool) -> Vec<Chunk> {
        let _ = (text, markdown);
        todo!()
    }
}

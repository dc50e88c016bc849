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

/// Local stand-in.
#[derive(Debug, thiserror::Error)]
#[error("tokenizer: {0}")]
pub struct TokenizerError(String);

impl Chunker {
    /// Local stand-in.
    pub fn built_in() -> Result<Self, TokenizerError> {
        Ok(Self {})
    }

    /// Local stand-in.
    pub fn embedding_text(&self, title: &str, heading_path: &[String], passage: &str) -> String {
        format!("{title}\n{}\n{passage}", heading_path.join(" > "))
    }

    /// Cuts `text`; the chunks are in order, cover all non-blank text and end at code points.
    pub fn chunk(&self, text: &str, markdown: bool) -> Vec<Chunk> {
        // One passage per paragraph.
        let _ = markdown;
        let mut chunks = Vec::new();
        let mut start = 0;
        for paragraph in text.split_inclusive("\n\n") {
            let end = start + paragraph.chars().count();
            chunks.push(Chunk { start, end, heading_path: Vec::new() });
            start = end;
        }
        chunks
    }
}

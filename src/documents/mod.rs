//! Bytes → text, per format.
//!
//! [`is_candidate`] decides from what a listing tells (type, name, size) whether a file is worth downloading;
//! [`extract`] turns its bytes into text. What cannot become text is skipped with a [`SkipReason`], which the status
//! shows. Everything here is bounded by the size of its input and never panics on bad input, as far as the parsers of
//! others can be trusted; where they cannot, a [`TextExtractor`] runs them in a child process.

mod container;
mod decode;
mod docx;
mod email;
mod extractor;
mod format;
mod format_table;
mod guard;
mod html;
mod image;
mod markdown;
mod ocr;
mod office;
mod pages;
mod pdf;
mod pptx;
mod skip;
mod slides;

pub use extractor::{ByteStream, Content, ExtractError, FileFault, InProcessExtractor, TextExtractor};
pub use format::{Format, is_candidate};
pub use image::HEADER_BYTES;
pub use ocr::{OcrService, OcrUnusable, OcrUnwell, RecognisingExtractor};
pub use pages::{Pages, UnorderedPages};
pub use skip::SkipReason;

use serde::{Deserialize, Serialize};

/// Text of a document, ready to be stored and chunked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtractedText {
    /// Text with `\n` line ends, without NUL (which `PostgreSQL` cannot store) and without byte order mark.
    pub text: String,
    /// Whether headings and fences of the text mean Markdown.
    pub markdown: bool,
    /// Where its pages or slides begin, for formats that have them.
    pub pages: Option<Pages>,
}

impl ExtractedText {
    /// Text without pages.
    fn unpaged(text: String, markdown: bool) -> Self {
        Self {
            text,
            markdown,
            pages: None,
        }
    }
}

/// Text of a file; `mime` as the source tells it, `name` for its extension. CPU-bound: call it off the async threads.
/// Of a picture the first [`HEADER_BYTES`] are enough.
///
/// # Errors
/// The reason why no text can be had; it stays the same until the file changes.
pub fn extract(bytes: &[u8], mime: Option<&str>, name: &str) -> Result<ExtractedText, SkipReason> {
    let format = is_candidate(mime, name, Some(bytes.len() as u64), u64::MAX)?;
    let extracted = match format {
        Format::Text | Format::Markdown => {
            let text = decode::normalise(&decode::decode(bytes)?);
            ExtractedText::unpaged(text, format == Format::Markdown)
        }
        Format::Html => {
            let markdown = html::to_markdown(&decode::decode(bytes)?)?;
            ExtractedText::unpaged(decode::normalise(&markdown), true)
        }
        Format::Image => ExtractedText::unpaged(decode::normalise(&image::describe(bytes, name)), false),
        Format::Pdf => paged(pdf::to_markdown(bytes)?),
        Format::Odp => paged(slides::to_markdown(bytes)?),
        Format::Pptx => paged(pptx::to_markdown(bytes)?),
        Format::Email => ExtractedText::unpaged(decode::normalise(&email::to_markdown(bytes)?), true),
        Format::Docx | Format::Xlsx | Format::Odt | Format::Ods | Format::Epub | Format::Rtf => {
            let markdown = office::to_markdown(bytes, format)?;
            ExtractedText::unpaged(decode::normalise(&markdown), true)
        }
    };
    if extracted.text.trim().is_empty() {
        return Err(SkipReason::Empty);
    }
    Ok(extracted)
}

/// Markdown with pages; the readers of paged formats give it without NUL and with `\n` line ends.
fn paged((text, pages): (String, Pages)) -> ExtractedText {
    ExtractedText {
        text,
        markdown: true,
        pages: Some(pages),
    }
}

#[cfg(test)]
mod sample_tests;
#[cfg(test)]
mod tests;

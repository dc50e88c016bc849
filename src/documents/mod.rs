//! Bytes → text, per format.
//!
//! [`is_candidate`] decides from what a listing tells (type, name, size) whether a file is worth downloading;
//! [`extract`] turns its bytes into text. What cannot become text is skipped with a [`SkipReason`], which the status
//! shows. Everything here is bounded in time and memory by the size of its input and never panics on bad input.

mod decode;
mod format;
mod html;
mod skip;

pub use format::{Format, is_candidate};
pub use skip::SkipReason;

/// Text of a document, ready to be stored and chunked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedText {
    /// Text with `\n` line ends, without NUL (which `PostgreSQL` cannot store) and without byte order mark.
    pub text: String,
    /// Whether headings and fences of the text mean Markdown.
    pub markdown: bool,
}

/// Text of a file; `mime` as the source tells it, `name` for its extension. CPU-bound: call it off the async threads.
///
/// # Errors
/// The reason why no text can be had; it stays the same until the file changes.
pub fn extract(bytes: &[u8], mime: Option<&str>, name: &str) -> Result<ExtractedText, SkipReason> {
    let format = is_candidate(mime, name, Some(bytes.len() as u64), u64::MAX)?;
    let decoded = decode::decode(bytes)?;
    let text = match format {
        Format::Html => decode::normalise(&html::to_markdown(&decoded)?),
        Format::Markdown | Format::Text => decode::normalise(&decoded),
    };
    if text.trim().is_empty() {
        return Err(SkipReason::Empty);
    }
    Ok(ExtractedText {
        text,
        markdown: matches!(format, Format::Markdown | Format::Html),
    })
}

#[cfg(test)]
mod tests;

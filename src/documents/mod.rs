//! Bytes → text, per format.

/// Local stand-in, replaced at merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// Empty.
    Empty,
    /// Too large.
    TooLarge,
    /// Unsupported.
    Unsupported,
    /// Binary.
    Binary,
}

impl SkipReason {
    /// Stable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::Unsupported => "unsupported",
            Self::Binary => "binary",
        }
    }
}

/// Format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text.
    Text,
    /// Markdown.
    Markdown,
}

/// Text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtractedText {
    /// Text.
    pub text: String,
    /// Markdown.
    pub markdown: bool,
}

/// Candidate.
pub fn is_candidate(mime: Option<&str>, name: &str, size: Option<u64>, limit: u64) -> Result<Format, SkipReason> {
    let format = if name.rsplit_once('.').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("md")) {
        Format::Markdown
    } else if name.rsplit_once('.').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("txt")) || mime == Some("text/plain")
    {
        Format::Text
    } else {
        return Err(SkipReason::Unsupported);
    };
    match size {
        Some(0) => Err(SkipReason::Empty),
        Some(size) if size > limit => Err(SkipReason::TooLarge),
        _ => Ok(format),
    }
}

/// Extract.
pub fn extract(bytes: &[u8], mime: Option<&str>, name: &str) -> Result<ExtractedText, SkipReason> {
    let format = is_candidate(mime, name, Some(bytes.len() as u64), u64::MAX)?;
    if bytes.contains(&0) {
        return Err(SkipReason::Binary);
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    if text.trim().is_empty() {
        return Err(SkipReason::Empty);
    }
    Ok(ExtractedText { text, markdown: format == Format::Markdown })
}

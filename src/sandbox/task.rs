//! What a child is asked, and within which limits.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Work on one untrusted document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "task", rename_all = "snake_case")]
pub enum Task {
    /// Calls [`crate::documents::extract`]. The answer is the JSON of
    /// `Result<`[`ExtractedText`](crate::documents::ExtractedText)`, `[`SkipReason`](crate::documents::SkipReason)`>`.
    ExtractText {
        /// MIME type, as the source tells it.
        mime: Option<String>,
        /// File name, for its extension.
        name: String,
    },
    /// Draws one page of a PDF. The answer is what [`super::RenderedPage`] is read from.
    RenderPdfPage {
        /// Number of the page, from 1.
        page: u32,
        /// Pixels per point (1/72 inch). Reduced where the picture would be larger than [`super::MAX_PIXELS`].
        scale: f32,
    },
    /// Tries what a child must not be able to do; the input does not matter. The answer is the JSON of
    /// [`super::Probe`].
    Probe,
}

impl Task {
    /// Its kind, as metrics name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ExtractText { .. } => "extract_text",
            Self::RenderPdfPage { .. } => "render_pdf_page",
            Self::Probe => "probe",
        }
    }
}

/// What one child may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Private memory that it may allocate, the document's bytes included.
    pub memory_bytes: u64,
    /// Wall-clock time from the end of its input, and CPU time (rounded up to seconds) altogether.
    pub time: Duration,
    /// Longest answer.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 512 * 1024 * 1024,
            time: Duration::from_secs(30),
            output_bytes: 64 * 1024 * 1024,
        }
    }
}

//! Office Open XML presentations → Markdown, slide by slide with their notes.

use super::guard::guarded;
use super::{Pages, SkipReason, container, decode, markdown, office};
use kreuzberg::PageConfig;
use kreuzberg::extraction::pptx::{PptxExtractionOptions, extract_pptx_from_bytes};

/// Stands between slides; no slide has such characters (private use area).
const MARKER: &str = "\u{F8FE}slide\u{F8FE}";

/// The text of all slides, and where they begin.
///
/// # Errors
/// [`SkipReason::TooLargeInside`], [`SkipReason::Encrypted`] or [`SkipReason::Malformed`].
pub(super) fn to_markdown(bytes: &[u8]) -> Result<(String, Pages), SkipReason> {
    container::open(bytes)?;
    let options = PptxExtractionOptions {
        extract_images: false,
        page_config: Some(PageConfig {
            extract_pages: false,
            insert_page_markers: true,
            marker_format: MARKER.to_owned(),
        }),
        plain: false,
        include_structure: false,
        inject_placeholders: false,
    };
    let extracted =
        guarded(|| extract_pptx_from_bytes(bytes, &options).map_err(|error| office::reason(&error)))?;
    Ok(Pages::join(&slides(&extracted.content)))
}

fn slides(content: &str) -> Vec<String> {
    let mut slides: Vec<String> = content
        .split(MARKER)
        .map(|slide| markdown::slim(&decode::normalise(slide)))
        .collect();
    // What stands before the first slide is nothing.
    if slides.len() > 1 && slides.first().is_some_and(|first| first.trim().is_empty()) {
        slides.remove(0);
    }
    slides
}

//! Texts, spreadsheets and e-books → Markdown.

use super::guard::guarded;
use super::{Format, SkipReason, container, docx, markdown};
use kreuzberg::core::config::ConcurrencyConfig;
use kreuzberg::{ExtractionConfig, KreuzbergError, OutputFormat, PostProcessorConfig};
use std::borrow::Cow;

/// The type by which the library knows a format that it reads.
fn library_type(format: Format) -> Option<&'static str> {
    Some(match format {
        Format::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Format::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Format::Odt => "application/vnd.oasis.opendocument.text",
        Format::Ods => "application/vnd.oasis.opendocument.spreadsheet",
        Format::Epub => "application/epub+zip",
        Format::Rtf => "application/rtf",
        _ => return None,
    })
}

/// Headings, lists and tables as Markdown; pictures are left out.
///
/// # Errors
/// [`SkipReason::TooLargeInside`], [`SkipReason::Encrypted`] or [`SkipReason::Malformed`].
pub(super) fn to_markdown(bytes: &[u8], format: Format) -> Result<String, SkipReason> {
    let mime = library_type(format).ok_or(SkipReason::Unsupported)?;
    let bytes = if format == Format::Docx {
        docx::with_list_items(bytes)?
    } else {
        if format.is_zip() {
            container::open(bytes)?;
        }
        Cow::Borrowed(bytes)
    };
    let config = ExtractionConfig {
        // Neither files nor threads are at hand in the child process.
        use_cache: false,
        concurrency: Some(ConcurrencyConfig { max_threads: Some(1) }),
        enable_quality_processing: false,
        postprocessor: Some(PostProcessorConfig {
            enabled: false,
            ..PostProcessorConfig::default()
        }),
        disable_ocr: true,
        max_archive_depth: 0,
        output_format: OutputFormat::Markdown,
        ..ExtractionConfig::default()
    };
    guarded(|| {
        // Nothing in it waits: it is a future for the sake of formats that are not read here.
        futures::executor::block_on(kreuzberg::extract_bytes(&bytes, mime, &config))
            .map(|extracted| markdown::slim(&markdown::unescaped(&extracted.content)))
            .map_err(|error| reason(&error))
    })
}

/// What an error of the library says about the file.
pub(super) fn reason(error: &KreuzbergError) -> SkipReason {
    let text = error.to_string().to_ascii_lowercase();
    if text.contains("password") || text.contains("encrypted") {
        SkipReason::Encrypted
    } else {
        SkipReason::Malformed
    }
}

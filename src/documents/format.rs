//! Which files hold text, told from type, name and size alone.

use super::SkipReason;
use super::format_table::{NAMED, TEXT_EXTENSIONS, TEXT_TYPES};

/// How to read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Text as it stands: plain text, source code, configuration, CSV, JSON, XML.
    Text,
    /// Markdown.
    Markdown,
    /// HTML, read as Markdown.
    Html,
    /// PDF: text page by page, headings by their size.
    Pdf,
    /// Office Open XML text (Word).
    Docx,
    /// Office Open XML workbook (Excel).
    Xlsx,
    /// Office Open XML presentation (`PowerPoint`).
    Pptx,
    /// `OpenDocument` text.
    Odt,
    /// `OpenDocument` spreadsheet.
    Ods,
    /// `OpenDocument` presentation.
    Odp,
    /// An e-book.
    Epub,
    /// Rich Text Format.
    Rtf,
    /// A mail message (RFC 5322).
    Email,
    /// A picture: found by its name, format and size in pixels.
    Image,
}

impl Format {
    /// Whether reading it takes a parser of foreign data, which runs in the child process only.
    pub fn needs_parser(self) -> bool {
        !matches!(self, Self::Text | Self::Markdown | Self::Image)
    }

    /// Whether the file is a ZIP archive inside.
    pub(super) fn is_zip(self) -> bool {
        matches!(
            self,
            Self::Docx | Self::Xlsx | Self::Pptx | Self::Odt | Self::Ods | Self::Odp | Self::Epub
        )
    }

    /// Whether an OCR service can make text of it when there is none.
    pub fn may_be_scanned(self) -> bool {
        matches!(self, Self::Pdf | Self::Image)
    }
}

/// Decides before download whether a file's text can be had. `limit` is the largest accepted size in bytes; a size
/// that the source does not tell passes and is checked again after download.
///
/// The extension decides before the type: Nextcloud calls many source files `application/octet-stream`, and some
/// (`.ts`) video. Only `text/markdown` stands above it: no file is called that by mistake, and what other sources than
/// files hand out as Markdown may be titled like a file.
///
/// # Errors
/// [`SkipReason::Unsupported`], [`SkipReason::TooLarge`] or [`SkipReason::Empty`].
pub fn is_candidate(
    mime: Option<&str>,
    name: &str,
    size: Option<u64>,
    limit: u64,
) -> Result<Format, SkipReason> {
    let by_type = mime.and_then(by_type);
    let format = match by_name(name) {
        Some(named) if by_type != Some(Format::Markdown) => named,
        _ => by_type.ok_or(SkipReason::Unsupported)?,
    };
    match size {
        Some(0) => Err(SkipReason::Empty),
        // Of a picture only the beginning is read.
        Some(size) if size > limit && format != Format::Image => Err(SkipReason::TooLarge),
        _ => Ok(format),
    }
}

fn by_name(name: &str) -> Option<Format> {
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    if matches!(
        name.as_str(),
        "readme" | "license" | "changelog" | "dockerfile" | "makefile" | "todo"
    ) {
        return Some(Format::Text);
    }
    let (_, extension) = name.rsplit_once('.')?;
    let named = NAMED
        .iter()
        .find(|(_, extensions, _)| extensions.contains(&extension));
    named.map(|(format, _, _)| *format).or_else(|| {
        TEXT_EXTENSIONS
            .binary_search(&extension)
            .ok()
            .map(|_| Format::Text)
    })
}

fn by_type(mime: &str) -> Option<Format> {
    let essence = mime.split(';').next().unwrap_or(mime).trim().to_ascii_lowercase();
    let named = NAMED
        .iter()
        .find(|(_, _, types)| types.contains(&essence.as_str()));
    named.map(|(format, _, _)| *format).or_else(|| {
        let is_text = essence.starts_with("text/") || TEXT_TYPES.binary_search(&essence.as_str()).is_ok();
        is_text.then_some(Format::Text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_tables_are_sorted_for_binary_search() {
        assert!(TEXT_EXTENSIONS.is_sorted());
        assert!(TEXT_TYPES.is_sorted());
    }

    #[test]
    fn every_extension_and_type_names_one_format() {
        let extensions = NAMED.iter().flat_map(|(_, extensions, _)| *extensions);
        let mut seen: HashSet<&str> = TEXT_EXTENSIONS.iter().copied().collect();
        for extension in extensions {
            assert!(seen.insert(extension), "{extension}");
        }
        let types = NAMED.iter().flat_map(|(_, _, types)| *types);
        let mut seen: HashSet<&str> = TEXT_TYPES.iter().copied().collect();
        for mime in types {
            assert!(seen.insert(mime), "{mime}");
            assert_eq!(*mime, mime.to_lowercase(), "types are compared in lower case");
        }
    }

    #[test]
    fn name_and_type_decide() {
        let of = |mime, name| is_candidate(mime, name, Some(10), 100);
        assert_eq!(of(Some("text/markdown"), "a"), Ok(Format::Markdown));
        assert_eq!(
            of(Some("application/octet-stream"), "Notes/A.MD"),
            Ok(Format::Markdown)
        );
        assert_eq!(of(Some("video/mp2t"), "main.ts"), Ok(Format::Text));
        assert_eq!(of(Some("text/html; charset=utf-8"), "page"), Ok(Format::Html));
        assert_eq!(of(Some("application/json"), "data"), Ok(Format::Text));
        assert_eq!(of(None, "README"), Ok(Format::Text));
        assert_eq!(of(Some("text/rtf"), "letter"), Ok(Format::Rtf));
        assert_eq!(of(Some("image/png"), "a"), Ok(Format::Image));
        assert_eq!(of(Some("application/pdf"), "a.PDF"), Ok(Format::Pdf));
        assert_eq!(
            of(Some("application/vnd.ms-word.document.macroEnabled.12"), "a"),
            Ok(Format::Docx)
        );
        assert_eq!(of(None, "slides.odp"), Ok(Format::Odp));
        assert_eq!(of(None, "no-extension"), Err(SkipReason::Unsupported));
        assert_eq!(of(Some("application/zip"), "a.zip"), Err(SkipReason::Unsupported));
    }

    #[test]
    fn what_a_source_hands_out_as_markdown_is_markdown_whatever_its_title() {
        let card = is_candidate(Some("text/markdown"), "Board/Read invoice.pdf", None, 100);
        assert_eq!(card, Ok(Format::Markdown));
    }

    #[test]
    fn size_is_judged_before_download() {
        assert_eq!(is_candidate(None, "a.txt", Some(0), 100), Err(SkipReason::Empty));
        assert_eq!(
            is_candidate(None, "a.txt", Some(101), 100),
            Err(SkipReason::TooLarge)
        );
        assert_eq!(is_candidate(None, "a.txt", Some(100), 100), Ok(Format::Text));
        assert_eq!(is_candidate(None, "a.txt", None, 100), Ok(Format::Text));
        assert_eq!(is_candidate(None, "a.jpg", Some(101), 100), Ok(Format::Image));
        assert_eq!(
            is_candidate(None, "a.zip", Some(101), 100),
            Err(SkipReason::Unsupported)
        );
    }
}

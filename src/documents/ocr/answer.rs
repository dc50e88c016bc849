//! The answer: Markdown, or why there is none.

use super::form::PAGE_BREAK;
use super::service::OcrError;
use crate::documents::{ExtractedText, Pages, decode};
use reqwest::StatusCode;
use serde::Deserialize;

#[derive(Deserialize)]
struct Converted {
    document: Option<Document>,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct Document {
    md_content: Option<String>,
}

/// The text of a successful answer.
pub(super) fn text(body: &[u8]) -> Result<ExtractedText, OcrError> {
    let converted: Converted = serde_json::from_slice(body).map_err(|_other| {
        OcrError::Away("the OCR service answered something else than docling-serve".to_owned())
    })?;
    let markdown = match converted.status.as_str() {
        "success" | "partial_success" => converted.document.and_then(|document| document.md_content),
        "skipped" => None,
        _ => {
            return Err(OcrError::Failed(
                "the OCR service could not read the file".to_owned(),
            ));
        }
    };
    let markdown = markdown.unwrap_or_default();
    let pages: Vec<String> = markdown.split(PAGE_BREAK).map(decode::normalise).collect();
    // A picture is told by a comment, which is no text.
    let has_text = pages.iter().any(|page| {
        page.lines()
            .any(|line| !line.trim_start().starts_with("<!--") && line.contains(char::is_alphanumeric))
    });
    if !has_text {
        return Err(OcrError::Nothing);
    }
    let (text, pages) = Pages::join(&pages);
    Ok(ExtractedText {
        text,
        markdown: true,
        pages: Some(pages),
    })
}

/// What an unsuccessful status says about the service or the file.
pub(super) fn refusal(status: StatusCode) -> OcrError {
    let text = |what: &str| format!("the OCR service {what} (HTTP {})", status.as_u16());
    match status.as_u16() {
        401 | 403 => OcrError::Away(text("refuses OCR_API_KEY")),
        404 | 405 => OcrError::Away(text("does not know /v1/convert/file; check OCR_URL")),
        429 | 502 | 503 => OcrError::Away(text("has no time")),
        504 => OcrError::Failed(text("took too long")),
        _ => OcrError::Failed(text("could not read the file")),
    }
}

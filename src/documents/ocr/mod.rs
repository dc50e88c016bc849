//! Text recognition by a service that speaks docling-serve's protocol, for scans and pictures.
//!
//! One request per document: `POST /v1/convert/file` with the file as a form, as a stream; the answer holds Markdown.

mod answer;
mod form;
mod health;
mod service;

#[cfg(test)]
mod tests;

pub use health::OcrUnwell;
pub use service::{OcrService, OcrUnusable};

use super::extractor::{Content, ExtractError, TextExtractor};
use super::{ExtractedText, Format, SkipReason, is_candidate};
use async_trait::async_trait;
use service::OcrError;
use std::sync::Arc;

/// Asks the service where the other extractor finds no text layer, and for pictures.
pub struct RecognisingExtractor {
    inner: Arc<dyn TextExtractor>,
    service: OcrService,
}

impl RecognisingExtractor {
    /// `inner` reads everything else.
    pub fn new(inner: Arc<dyn TextExtractor>, service: OcrService) -> Self {
        Self { inner, service }
    }
}

#[async_trait]
impl TextExtractor for RecognisingExtractor {
    async fn text(
        &self,
        content: &dyn Content,
        mime: Option<&str>,
        name: &str,
    ) -> Result<ExtractedText, ExtractError> {
        let format = is_candidate(mime, name, None, u64::MAX)?;
        let read = self.inner.text(content, mime, name).await;
        match (format, read) {
            (Format::Image, Ok(named)) => match self.service.recognise(content, name).await {
                Ok(seen) => Ok(ExtractedText::unpaged(
                    format!("{}\n\n{}", named.text, seen.text),
                    true,
                )),
                Err(OcrError::Away(reason)) => Err(ExtractError::Later(reason)),
                // It is found by its name at least.
                Err(_) => Ok(named),
            },
            (Format::Pdf, Err(ExtractError::Skipped(SkipReason::NoTextLayer))) => {
                Ok(self.service.recognise(content, name).await?)
            }
            (_, read) => read,
        }
    }
}

//! Who reads documents: child processes, and the OCR service when one is configured.

use super::{AppError, Foundation};
use crate::config::Config;
use crate::documents::{OcrService, RecognisingExtractor, TextExtractor};
use crate::sandbox::Sandbox;
use crate::sync::SandboxedExtractor;
use std::sync::Arc;

/// The extractor of the sync.
pub(super) fn extractor(
    config: &Config,
    foundation: &Foundation,
    sandbox: Sandbox,
) -> Result<Arc<dyn TextExtractor>, AppError> {
    let reading = Arc::new(SandboxedExtractor::new(sandbox));
    let Some(ocr) = &config.ocr else {
        return Ok(reading);
    };
    let service = OcrService::new(ocr, &config.nextcloud, foundation.entropy.clone())?;
    Ok(Arc::new(RecognisingExtractor::new(reading, service)))
}

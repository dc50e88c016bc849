//! Text recognition for scans and pictures.

use super::reader::Reader;
use super::variables;
use secrecy::SecretString;
use std::time::Duration;
use url::Url;

/// A service that speaks docling-serve's protocol.
#[derive(Debug, Clone)]
pub struct OcrConfig {
    /// `OCR_URL`: its base address, without `/v1`.
    pub url: Url,
    /// `OCR_API_KEY`: sent as `X-Api-Key`.
    pub api_key: Option<SecretString>,
    /// `OCR_TIMEOUT_SECONDS`: for one document, from the first byte sent.
    pub timeout: Duration,
}

impl OcrConfig {
    pub(super) fn load(reader: &mut Reader<'_>) -> Option<Self> {
        let api_key = reader.secret(variables::OCR_API_KEY);
        let timeout = reader.number(variables::OCR_TIMEOUT_SECONDS, 180, 5..=3600);
        Some(Self {
            url: reader.url(variables::OCR_URL)?,
            api_key,
            timeout: Duration::from_secs(timeout),
        })
    }
}

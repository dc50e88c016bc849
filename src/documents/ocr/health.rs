//! Whether the service answers and takes the key, found out without a file to read.

use super::service::OcrService;
use crate::nextcloud::transport_text;
use reqwest::StatusCode;
use serde::Deserialize;
use std::time::Duration;

/// Longest wait for one of the two answers, which need no work.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why the service cannot recognise text now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OcrUnwell {
    /// Nobody answers at that address.
    #[error("it cannot be reached: {0}")]
    Unreachable(String),
    /// It answers `GET /health` with this status.
    #[error("GET /health is answered with HTTP {0}")]
    Status(u16),
    /// Something else stands at that address.
    #[error("GET /health is answered by something else than docling-serve")]
    Alien,
    /// It answers questions about its tasks with this status.
    #[error("GET /v1/status/poll is answered with HTTP {0}")]
    Tasks(u16),
    /// It wants another key, or one at all.
    #[error("OCR_API_KEY is wrong or missing")]
    KeyRefused,
}

/// The answer to `GET /health`.
#[derive(Deserialize)]
struct Health {
    status: String,
}

impl OcrService {
    /// Asks for `/health`, which wants no key, and then for a task that does not exist, which does.
    ///
    /// # Errors
    /// [`OcrUnwell`] says what is wrong.
    pub async fn health(&self) -> Result<(), OcrUnwell> {
        let unreachable = |error: reqwest::Error| OcrUnwell::Unreachable(transport_text(&error));
        let answer = self.get("health").timeout(PATIENCE).send().await;
        let answer = answer.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(OcrUnwell::Status(answer.status().as_u16()));
        }
        let health: Health = answer.json().await.map_err(|_other| OcrUnwell::Alien)?;
        if health.status != "ok" {
            return Err(OcrUnwell::Alien);
        }
        let task = self.get("v1/status/poll/none").timeout(PATIENCE).send().await;
        match task.map_err(unreachable)?.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(OcrUnwell::KeyRefused),
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            status => Err(OcrUnwell::Tasks(status.as_u16())),
        }
    }
}

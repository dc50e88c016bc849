//! Who hears that a reader lost what scans had seen: Nextcloud tells nobody of shares that end (facts §5), so the search
//! that notices is the first to know.

use crate::ids::UserId;
use async_trait::async_trait;

/// Hears of documents that Nextcloud refuses to readers whose scans had seen them.
#[async_trait]
pub trait LossListener: Send + Sync {
    /// Nextcloud answered that `reader` cannot open some document of `family` now. Called at most once per question to
    /// Nextcloud, while the reader waits; what fails here is the listener's own to tell.
    async fn lost(&self, reader: &UserId, family: &str);
}

//! What a search finds refused makes scans due.

use crate::clock::SharedClock;
use crate::ids::UserId;
use crate::search::LossListener;
use crate::sync;
use async_trait::async_trait;
use sqlx::PgPool;

/// Wakes the reader's scan of the source concerned.
pub(super) struct ScanWaker {
    pub(super) pool: PgPool,
    pub(super) clock: SharedClock,
}

#[async_trait]
impl LossListener for ScanWaker {
    async fn lost(&self, reader: &UserId, family: &str) {
        if let Err(error) = sync::wake_refused(&self.pool, reader, family, self.clock.now()).await {
            tracing::warn!(%error, "a scan could not be made due after Nextcloud refused a document; it comes in its turn");
        }
    }
}

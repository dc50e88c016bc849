//! What waits to be done.

use super::claim::{self, Phase};
use super::{SyncEngine, SyncError};

/// What waits to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DueWork {
    /// A scan is due that nobody runs.
    pub scans: bool,
    /// Documents wait for phase 1.
    pub texts: bool,
    /// Documents wait for phase 2.
    pub vectors: bool,
}

impl SyncEngine {
    /// What waits to be done now.
    pub async fn due_work(&self) -> Result<DueWork, SyncError> {
        self.free_interrupted().await?;
        let now = self.clock.now();
        let scans = sqlx::query_scalar!(
            r#"select exists (
                   select from scans s join users u on u.uid = s.uid
                   where s.due_at <= $1 and (s.lease_until is null or s.lease_until < $1)
                     and s.source = any($2)
                     and (u.sync_state = 'active' or u.sync_state_reason = 'account_disabled')) as "due!""#,
            now,
            &self.source_names()
        )
        .fetch_one(&self.pool)
        .await?;
        let texts = claim::any_due(&self.pool, Phase::Text, now).await?;
        let vectors = self.embedder.is_some() && claim::any_due(&self.pool, Phase::Dense, now).await?;
        Ok(DueWork {
            scans,
            texts,
            vectors,
        })
    }
}

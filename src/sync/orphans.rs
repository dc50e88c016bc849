//! What a process that was killed left behind.

use super::{SyncEngine, SyncError};

impl SyncEngine {
    /// Frees every lease. Only for a process that knows that no other one works on this database: the embedded
    /// index is locked by one process, so whatever is leased at its start was leased by a process that is gone.
    /// Without it the work of a killed process would wait until its leases run out.
    pub async fn release_orphans(&self) -> Result<(), SyncError> {
        let mut tx = self.pool.begin().await?;
        // A new generation, should the old owner be alive against all expectations: its results are refused.
        let documents = sqlx::query!(
            "update documents set lease_until = null, lease_generation = lease_generation + 1
             where lease_until is not null"
        )
        .execute(&mut *tx)
        .await?;
        let scans = sqlx::query!(
            "update scans set lease_until = null, lease_generation = lease_generation + 1
             where lease_until is not null"
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        let (documents, scans) = (documents.rows_affected(), scans.rows_affected());
        if documents + scans > 0 {
            tracing::info!(
                documents,
                scans,
                "work of a process that ended without notice is taken up again"
            );
        }
        Ok(())
    }
}

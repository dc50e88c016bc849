//! What a process that was killed, or a turn that was cut short, left behind.

use super::claim::Claimed;
use super::scan::ScanLease;
use super::{SyncEngine, SyncError};
use std::mem;
use std::sync::PoisonError;

impl SyncEngine {
    /// A turn ended with an error, perhaps because the database was lost: what it held may be leased still, and
    /// [`SyncEngine::free_interrupted`] gives it back.
    pub(super) fn interrupted<'a>(&self, documents: impl IntoIterator<Item = &'a Claimed>) {
        let leases = documents
            .into_iter()
            .map(|document| (document.id.0, document.lease_generation));
        self.interrupted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(leases);
    }

    /// The end of a scan could not be noted: the same for its lease.
    pub(super) fn interrupted_scan(&self, lease: &ScanLease) {
        self.interrupted_scans
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((
                lease.user.as_str().to_owned(),
                lease.source.clone(),
                lease.generation,
            ));
    }

    /// Frees the leases that interrupted turns and scans of this process left, so that nobody waits until they run out.
    pub async fn free_interrupted(&self) -> Result<(), SyncError> {
        self.free_interrupted_scans().await?;
        self.free_interrupted_documents().await
    }

    async fn free_interrupted_scans(&self) -> Result<(), SyncError> {
        loop {
            // Taken off the list only once it is free.
            let next = self
                .interrupted_scans
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .last()
                .cloned();
            let Some((user, source, generation)) = next else {
                return Ok(());
            };
            sqlx::query!(
                "update scans set lease_until = null where uid = $1 and source = $2 and lease_generation = $3",
                user,
                source,
                generation
            )
            .execute(&self.pool)
            .await?;
            self.interrupted_scans
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|lease| *lease != (user.clone(), source.clone(), generation));
        }
    }

    async fn free_interrupted_documents(&self) -> Result<(), SyncError> {
        let leases = mem::take(&mut *self.interrupted.lock().unwrap_or_else(PoisonError::into_inner));
        if leases.is_empty() {
            return Ok(());
        }
        let (documents, generations): (Vec<i64>, Vec<i64>) = leases.iter().copied().unzip();
        let freed = sqlx::query!(
            "update documents d set lease_until = null
             from unnest($1::bigint[], $2::bigint[]) as l (id, generation)
             where d.id = l.id and d.lease_generation = l.generation and d.lease_until is not null",
            &documents,
            &generations
        )
        .execute(&self.pool)
        .await;
        if let Err(error) = freed {
            self.interrupted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .extend(leases);
            return Err(error.into());
        }
        Ok(())
    }

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

//! Keeping the index in step: sources, scans, document state, indexing in two phases, status.
//!
//! | file | concept |
//! |---|---|
//! | `engine` | the operations; everything below is called from there |
//! | `remote` | what the sync uses of Nextcloud, in one user's name |
//! | `sources` | where documents come from |
//! | `scan`, `listing` | what exists, who reads it, what is gone |
//! | `claim`, `index_text`, `prepare`, `publish`, `embed` | the two phases |
//! | `failure` | retries, dead letters, skips |
//! | `access`, `tombstones`, `removal`, `users`, `pauses` | reader sets, deletions, pauses |
//! | `orphans` | what a killed process left behind |
//! | `wake` | scans out of turn, for what webhooks hint at |
//! | `without_engine` | users who come and go while the sync is off |
//! | `status` | progress that people read |
//!
//! The durable truth about work stands in the tables `scans` and `documents`. Every write that ends a piece of work
//! checks the lease generation it began with, so a worker that was declared dead can do no harm when it wakes up.

mod access;
mod claim;
mod embed;
mod engine;
mod error;
mod failure;
mod index_text;
mod listing;
mod orphans;
mod pauses;
mod prepare;
mod publish;
mod purge;
mod remote;
mod removal;
mod scan;
pub mod sources;
mod status;
mod tombstones;
mod users;
mod wake;
mod without_engine;

#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;

pub use engine::{DueWork, ScanOutcome, SyncEngine, SyncParts};
pub use error::SyncError;
pub use purge::Purge;
pub use remote::{CredentialRemotes, Remote, Remotes};
pub use scan::ScanReport;
pub use status::{DeadLetter, PhaseProgress, SyncStatus, SyncStatusService};
pub use users::PauseReason;
pub use wake::{Touched, wake_touched};
pub use without_engine::DatabaseTrigger;

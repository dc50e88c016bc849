//! Keeping the index in step: sources, scans, document state, indexing in two phases, status.
//!
//! | file | concept |
//! |---|---|
//! | `engine` | the operations; everything below is called from there |
//! | `remote` | what the sync uses of Nextcloud, in one user's name |
//! | `sources` | where documents come from |
//! | `scan`, `listing` | what exists, who reads it, what is gone |
//! | `claim`, `contents`, `sweep`, `index_text`, `index_document`, `text`, `prepare`, `publish`, `embed` | the two phases |
//! | `failure`, `text_failures` | retries, dead letters, skips |
//! | `access`, `tombstones`, `removal`, `users`, `pauses` | reader sets, deletions, pauses |
//! | `orphans` | what a killed process left behind |
//! | `wake` | scans out of turn, for what webhooks hint at and what searches find refused |
//! | `unannounced` | what scans found and no webhook told |
//! | `without_engine` | users who come and go while the sync is off |
//! | `status` | progress that people read |
//!
//! The durable truth about work stands in the tables `scans` and `documents`. Every write that ends a piece of work
//! checks the lease generation it began with, so a worker that was declared dead can do no harm when it wakes up.

mod access;
mod claim;
mod contents;
mod due;
mod embed;
mod engine;
mod error;
mod exclusions;
mod failure;
mod index_document;
mod index_text;
mod listing;
mod orphans;
mod pauses;
mod prepare;
mod publish;
mod purge;
mod remote;
mod removal;
mod sandboxed;
mod scan;
pub mod sources;
mod status;
mod sweep;
mod text;
mod text_failures;
mod tombstones;
mod unannounced;
mod users;
mod wake;
mod without_engine;

#[cfg(test)]
pub(crate) mod test_support;
#[cfg(test)]
mod tests;

pub use due::DueWork;
pub use engine::{ScanOutcome, SyncEngine, SyncParts};
pub use error::SyncError;
pub use purge::Purge;
pub use remote::{AppRemote, CredentialRemotes, Remote, Remotes};
pub use sandboxed::SandboxedExtractor;
pub use scan::ScanReport;
pub use status::{DeadLetter, PhaseProgress, SourceStatus, SyncStatus, SyncStatusService};
pub use unannounced::{Unannounced, changes_were_announced, unannounced_changes};
pub use users::PauseReason;
pub use wake::{Touched, wake_refused, wake_touched};
pub use without_engine::DatabaseTrigger;

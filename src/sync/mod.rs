//! Keeping the index in step: sources, scans, document state, indexing in two phases, status.

mod status;

pub use status::{DeadLetter, PhaseProgress, SyncStatus, SyncStatusService};

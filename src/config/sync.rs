//! Background sync.

use std::time::Duration;

/// What is synced, how often and how hard.
#[derive(Debug, Clone)]
pub struct SyncConfig {
    /// `VECTOR_SYNC_ENABLED` (alias `ENABLE_SEMANTIC_SEARCH`).
    pub enabled: bool,
    /// `VECTOR_SYNC_SCAN_INTERVAL`: time between scans of one user.
    pub scan_interval: Duration,
    /// `VECTOR_SYNC_FULL_WALK_INTERVAL`: time between walks that trust no folder ETag.
    pub full_walk_interval: Duration,
    /// `VECTOR_SYNC_PROCESSOR_WORKERS`: documents fetched and extracted at one time.
    pub workers: usize,
    /// `VECTOR_SYNC_MAX_INDEX_FAILURES`: attempts before a document is a dead letter.
    pub max_index_failures: u32,
    /// `VECTOR_SYNC_MAX_FILE_SIZE_MB`, in bytes: larger files are skipped.
    pub max_file_size: u64,
}

//! Background sync.

use super::reader::Reader;
use super::{Mode, variables};
use std::time::Duration;

/// What is synced, how often and how hard.
#[derive(Debug, Clone)]
pub struct SyncConfig {
    /// `VECTOR_SYNC_ENABLED` (alias `ENABLE_SEMANTIC_SEARCH`).
    pub enabled: bool,
    /// `VECTOR_SYNC_SCAN_INTERVAL`: time between scans of one user.
    pub scan_interval: Duration,
    /// `VECTOR_SYNC_FULL_WALK_INTERVAL`: time between walks that trust no folder `ETag`.
    pub full_walk_interval: Duration,
    /// `VECTOR_SYNC_PROCESSOR_WORKERS`: documents fetched and extracted at one time.
    pub workers: usize,
    /// `VECTOR_SYNC_MAX_INDEX_FAILURES`: attempts before a document is a dead letter.
    pub max_index_failures: u32,
    /// `VECTOR_SYNC_MAX_FILE_SIZE_MB`, in bytes: larger files are skipped.
    pub max_file_size: u64,
    /// Which files are indexed.
    pub tags: TagRules,
}

/// `VECTOR_SYNC_FILES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FileSelection {
    /// All files.
    #[default]
    All,
    /// Files with the system tag `vector-index` or `keyword-index`, and files below folders with them.
    Tagged,
}

/// Which files are indexed, by their system tags.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagRules {
    /// Whether a tag is needed.
    pub selection: FileSelection,
    /// `EXCLUDED_TAGS`: files with one of these tags, and everything below such folders, are never indexed,
    /// whoever reads them.
    pub excluded: Vec<String>,
}

impl TagRules {
    /// Whether any tag matters.
    pub fn need_tags(&self) -> bool {
        self.selection == FileSelection::Tagged || !self.excluded.is_empty()
    }
}

const MIB: u64 = 1024 * 1024;
const WEEK_SECONDS: u64 = 7 * 24 * 3600;

impl SyncConfig {
    pub(super) fn load(reader: &mut Reader<'_>, mode: Option<&Mode>) -> Self {
        let enabled = reader.flag(variables::VECTOR_SYNC_ENABLED, false);
        let has_background_credential =
            mode.is_none_or(|mode| mode.stores_credentials() || matches!(mode, Mode::SingleUserBasic { .. }));
        if enabled && !has_background_credential {
            reader.problem(
                variables::VECTOR_SYNC_ENABLED,
                "this mode has no background credential to read documents with",
                "Set ENABLE_OFFLINE_ACCESS=true, or turn sync off.",
            );
        }
        let scan = reader.number(variables::VECTOR_SYNC_SCAN_INTERVAL, 300, 1..=WEEK_SECONDS);
        let full_walk = reader.number(
            variables::VECTOR_SYNC_FULL_WALK_INTERVAL,
            24 * 3600,
            60..=52 * WEEK_SECONDS,
        );
        Self {
            enabled,
            scan_interval: Duration::from_secs(scan),
            full_walk_interval: Duration::from_secs(full_walk),
            workers: reader.number(variables::VECTOR_SYNC_PROCESSOR_WORKERS, 4, 1..=64),
            max_index_failures: reader.number(variables::VECTOR_SYNC_MAX_INDEX_FAILURES, 5, 1..=100),
            max_file_size: reader.number(variables::VECTOR_SYNC_MAX_FILE_SIZE_MB, 10, 1..=1024) * MIB,
            tags: TagRules {
                selection: selection(reader),
                excluded: reader.list(variables::EXCLUDED_TAGS),
            },
        }
    }
}

fn selection(reader: &mut Reader<'_>) -> FileSelection {
    let text = reader.text(variables::VECTOR_SYNC_FILES).unwrap_or("all");
    match text.to_ascii_lowercase().as_str() {
        "all" => FileSelection::All,
        "tagged" => FileSelection::Tagged,
        _ => {
            reader.problem(
                variables::VECTOR_SYNC_FILES,
                "neither `all` nor `tagged`",
                "Set it to one of them, or unset it for all files.",
            );
            // Less is indexed, not more.
            FileSelection::Tagged
        }
    }
}

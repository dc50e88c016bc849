//! The names of the sources, as they stand in `scans` and in webhook hints, and the families of their documents.

/// Source and family, in the order in which their scans begin.
const NAMES: [(&str, &str); 5] = [
    ("files", "file"),
    ("calendar", "calendar"),
    ("contacts", "contact"),
    ("deck", "deck_card"),
    ("tables", "table_row"),
];

/// The family of a source's documents, whether or not this process has the source.
pub fn family_of(source: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(name, _)| *name == source)
        .map(|(_, family)| *family)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SyncConfig, TagRules};
    use crate::sync::sources;
    use std::time::Duration;

    #[test]
    fn every_source_is_named_here_with_its_family() {
        let config = SyncConfig {
            enabled: true,
            scan_interval: Duration::from_mins(5),
            full_walk_interval: Duration::from_hours(24),
            workers: 1,
            max_index_failures: 3,
            max_file_size: 1,
            tags: TagRules::default(),
        };
        for source in sources::all(&config) {
            assert_eq!(family_of(source.name()), Some(source.family()));
        }
        assert_eq!(NAMES.map(|(name, _)| name), sources::SOURCES);
        assert_eq!(family_of("news"), None);
    }
}

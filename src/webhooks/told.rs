//! Of which source an event tells. One table; which of the sources are synced is said by
//! [`SOURCES`](crate::sync::sources::SOURCES), and what is told of others is counted and dropped.

/// A source of which Nextcloud tells changes by itself. Contacts are not among them (facts §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Told {
    /// Files and notes.
    Files,
    /// Events and tasks of calendars.
    Calendar,
    /// Cards of Deck.
    Deck,
    /// Rows of Tables.
    Tables,
}

/// Beginnings of event classes.
const CLASSES: [(&str, Told); 8] = [
    (r"OCP\Files\Events\", Told::Files),
    (r"OCA\Files_Trashbin\Events\", Told::Files),
    (r"OCP\SystemTag\", Told::Files),
    (r"OCP\Calendar\Events\", Told::Calendar),
    (r"OCA\DAV\Events\", Told::Calendar),
    (r"OCA\Deck\Event\", Told::Deck),
    (r"OCA\Tables\Event\", Told::Tables),
    (r"OCA\Tables\Events\", Told::Tables),
];

impl Told {
    /// All of them.
    pub(super) const ALL: [Self; 4] = [Self::Files, Self::Calendar, Self::Deck, Self::Tables];

    /// Of what an event of this class tells, if of anything that could be indexed.
    pub(super) fn of_class(class: &str) -> Option<Self> {
        let found = CLASSES.iter().find(|(beginning, _)| class.starts_with(beginning));
        found.map(|(_, told)| *told)
    }

    /// The source of that name.
    pub(super) fn of_source(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|told| told.source() == name)
    }

    /// Name of the source in the table `scans`.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Calendar => "calendar",
            Self::Deck => "deck",
            Self::Tables => "tables",
        }
    }

    /// Family in the key of its documents.
    pub(super) fn family(self) -> &'static str {
        match self {
            Self::Files => "file",
            Self::Calendar => "calendar",
            Self::Deck => "deck_card",
            Self::Tables => "table_row",
        }
    }

    /// Types of its documents.
    pub(super) fn doc_types(self) -> &'static [&'static str] {
        match self {
            Self::Files => &["file", "note"],
            Self::Calendar => &["calendar"],
            Self::Deck => &["deck_card"],
            Self::Tables => &["table_row"],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{SyncConfig, TagRules};
    use crate::sync::sources::{self, SOURCES};
    use std::time::Duration;

    #[test]
    fn sources_and_families_are_those_of_the_sync() {
        let config = SyncConfig {
            enabled: true,
            scan_interval: Duration::from_mins(5),
            full_walk_interval: Duration::from_hours(24),
            workers: 1,
            max_index_failures: 3,
            max_file_size: 1,
            tags: TagRules::default(),
        };
        let all = sources::all(&config);
        let names: Vec<_> = all.iter().map(|source| source.name()).collect();
        assert_eq!(names, SOURCES);
        for source in &all {
            assert_eq!(sources::source_of(source.family()), Some(source.name()));
        }
        for told in Told::ALL {
            let source = all.iter().find(|source| source.name() == told.source());
            assert_eq!(source.map(|source| source.family()), Some(told.family()));
        }
    }

    #[test]
    fn a_class_tells_of_one_source() {
        for (class, told) in [
            (r"OCP\Files\Events\Node\NodeWrittenEvent", Some(Told::Files)),
            (r"OCA\Files_Trashbin\Events\NodeRestoredEvent", Some(Told::Files)),
            (r"OCP\SystemTag\TagAssignedEvent", Some(Told::Files)),
            (
                r"OCP\Calendar\Events\CalendarObjectMovedToTrashEvent",
                Some(Told::Calendar),
            ),
            (r"OCA\Deck\Event\CardUpdatedEvent", Some(Told::Deck)),
            (r"OCA\Tables\Event\RowAddedEvent", Some(Told::Tables)),
            (r"OCA\Forms\Events\FormSubmittedEvent", None),
            ("", None),
        ] {
            assert_eq!(Told::of_class(class), told, "{class}");
        }
        for told in Told::ALL {
            assert_eq!(Told::of_source(told.source()), Some(told));
        }
    }
}

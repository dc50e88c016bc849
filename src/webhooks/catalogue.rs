//! The presets: what an administrator switches on and off, the same as in Astrolabe, which compares event and filter
//! by equality.

use super::EventSelector;
use super::told::Told;
use serde_json::json;

/// Where notes stand in everybody's files, as Astrolabe writes it.
const NOTES: &str = r"/^\/.*\/files\/Notes\//";
/// Where the path of a node event stands.
pub(super) const NODE_PATH: &str = "event.node.path";

const NODES: [&str; 3] = [
    r"OCP\Files\Events\Node\NodeCreatedEvent",
    r"OCP\Files\Events\Node\NodeWrittenEvent",
    r"OCP\Files\Events\Node\BeforeNodeDeletedEvent",
];
const CALENDAR: [&str; 3] = [
    r"OCP\Calendar\Events\CalendarObjectCreatedEvent",
    r"OCP\Calendar\Events\CalendarObjectUpdatedEvent",
    r"OCP\Calendar\Events\CalendarObjectDeletedEvent",
];
const DECK: [&str; 4] = [
    r"OCA\Deck\Event\CardCreatedEvent",
    r"OCA\Deck\Event\CardUpdatedEvent",
    r"OCA\Deck\Event\CardDeletedEvent",
    r"OCA\Deck\Event\BoardUpdatedEvent",
];
const TABLES: [&str; 3] = [
    r"OCA\Tables\Event\RowAddedEvent",
    r"OCA\Tables\Event\RowUpdatedEvent",
    r"OCA\Tables\Event\RowDeletedEvent",
];
const FORMS: [&str; 1] = [r"OCA\Forms\Events\FormSubmittedEvent"];

/// All presets, in the order in which they are shown.
pub const PRESETS: [Preset; 6] = [
    Preset {
        id: "files_sync",
        name: "All files",
        about: "Every file and note that is saved, moved, deleted or tagged",
        app: "files",
        events: &NODES,
        only_notes: false,
        told: Some(Told::Files),
    },
    Preset {
        id: "notes_sync",
        name: "Notes",
        about: "Files below a folder named Notes; All files tells of them, too",
        app: "notes",
        events: &NODES,
        only_notes: true,
        told: Some(Told::Files),
    },
    Preset {
        id: "calendar_sync",
        name: "Calendar",
        about: "Events and tasks",
        app: "calendar",
        events: &CALENDAR,
        only_notes: false,
        told: Some(Told::Calendar),
    },
    Preset {
        id: "deck_sync",
        name: "Deck",
        about: "Cards and boards",
        app: "deck",
        events: &DECK,
        only_notes: false,
        told: Some(Told::Deck),
    },
    Preset {
        id: "tables_sync",
        name: "Tables",
        about: "Rows of tables",
        app: "tables",
        events: &TABLES,
        only_notes: false,
        told: Some(Told::Tables),
    },
    Preset {
        id: "forms_sync",
        name: "Forms",
        about: "Answers to forms",
        app: "forms",
        events: &FORMS,
        only_notes: false,
        told: None,
    },
];

/// Some events that are switched on and off together.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its id, as Astrolabe's.
    pub id: &'static str,
    /// For people.
    pub name: &'static str,
    /// What it tells, for people.
    pub about: &'static str,
    /// The id of the app whose events they are.
    pub app: &'static str,
    events: &'static [&'static str],
    only_notes: bool,
    told: Option<Told>,
}

impl Preset {
    /// The preset of that id.
    pub fn find(id: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.id == id)
    }

    /// What it asks for.
    pub fn selectors(&self) -> Vec<EventSelector> {
        let filter = self.only_notes.then(|| json!({ NODE_PATH: NOTES }));
        self.events
            .iter()
            .map(|event| EventSelector::known(event, filter.clone()))
            .collect()
    }

    /// Whether what it tells is indexed when these sources are synced.
    pub fn is_indexed(&self, sources: &[&str]) -> bool {
        self.told.is_some_and(|told| sources.contains(&told.source()))
    }

    /// The types of documents of which it tells.
    pub fn doc_types(&self) -> &'static [&'static str] {
        match self.told {
            Some(_) if self.only_notes => &["note"],
            Some(told) => told.doc_types(),
            None => &[],
        }
    }
}

/// The types of documents whose saving `selector` tells of.
pub(super) fn announced_by(selector: &EventSelector) -> &'static [&'static str] {
    let is_saving = ["CreatedEvent", "WrittenEvent", "AddedEvent", "UpdatedEvent"]
        .iter()
        .any(|ending| selector.event().ends_with(ending));
    let of_preset = |preset: &&Preset| preset.selectors().contains(selector);
    match Told::of_class(selector.event()) {
        Some(_) if !is_saving => &[],
        Some(told) if selector.filter().is_none() => told.doc_types(),
        _ => PRESETS.iter().find(of_preset).map_or(&[], Preset::doc_types),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeMap;
    use std::path::Path;

    /// What Astrolabe was recorded to ask for when its switches were pressed.
    #[test]
    fn the_presets_are_astrolabes() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings/astrolabe/to_mcp");
        let mut asked: BTreeMap<String, Vec<EventSelector>> = BTreeMap::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let Some(rest) = name.strip_prefix("webhook_preset_enable_") else {
                continue;
            };
            let recording: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
            let body: Value = serde_json::from_str(recording["request"]["body"].as_str().unwrap()).unwrap();
            let selector =
                EventSelector::new(body["event"].as_str().unwrap(), body.get("event_filter")).unwrap();
            let id = format!("{}_sync", rest.split("__").next().unwrap());
            asked.entry(id).or_default().push(selector);
        }
        assert_eq!(asked.len(), 2);
        for (id, asked) in asked {
            let ours = Preset::find(&id).unwrap().selectors();
            assert_eq!(ours.len(), asked.len(), "{id}");
            assert!(asked.iter().all(|selector| ours.contains(selector)), "{id}");
        }
    }

    #[test]
    fn a_selector_announces_what_is_saved_where_it_looks() {
        let of = |id: &str, event: usize| announced_by(&Preset::find(id).unwrap().selectors()[event]);
        assert_eq!(of("files_sync", 1), ["file", "note"]);
        assert_eq!(of("notes_sync", 0), ["note"]);
        assert_eq!(
            of("notes_sync", 2),
            [] as [&str; 0],
            "a deletion looks like the end of a share"
        );
        assert_eq!(of("calendar_sync", 1), ["calendar"]);
        assert_eq!(of("forms_sync", 0), [] as [&str; 0]);
        let elsewhere = EventSelector::known(NODES[1], Some(json!({ NODE_PATH: "/^\\/x\\//" })));
        assert_eq!(announced_by(&elsewhere), [] as [&str; 0]);
    }
}

//! Companions: the events that Astrolabe's presets miss although the index needs them (facts §0 row 12, §5).
//!
//! | a preset asks for | beside it stand |
//! |---|---|
//! | files or notes created, written, deleted | renamed, copied, restored, touched, with the same filter on the path |
//! | the same of all files | tags assigned and unassigned, Deck's cards and boards |
//! | calendar objects | moved to the trash, moved, restored |
//! | rows of Tables | the other events of rows |

use super::EventSelector;
use super::catalogue::NODE_PATH;
use serde_json::{Value, json};

const NODES: &str = r"OCP\Files\Events\Node\";
const RESTORED: &str = r"OCA\Files_Trashbin\Events\NodeRestoredEvent";
const CALENDAR: &str = r"OCP\Calendar\Events\";
const ROWS: &str = r"OCA\Tables\Event\";

/// Where the paths of an event that moves or copies stand.
const SOURCE_PATH: &str = "event.source.path";
const TARGET_PATH: &str = "event.target.path";

/// What the selectors of a user need beside them, each once, without the selectors themselves.
pub(super) fn companions_of(wanted: &[EventSelector]) -> Vec<EventSelector> {
    let mut companions = Vec::new();
    for selector in wanted {
        for companion in beside(selector) {
            if !wanted.contains(&companion) && !companions.contains(&companion) {
                companions.push(companion);
            }
        }
    }
    companions
}

fn beside(selector: &EventSelector) -> Vec<EventSelector> {
    let event = selector.event();
    if let Some(name) = event.strip_prefix(NODES) {
        match name {
            "NodeCreatedEvent" | "NodeWrittenEvent" | "BeforeNodeDeletedEvent" | "NodeDeletedEvent" => {}
            _ => return Vec::new(),
        }
        return match selector.filter() {
            None => all_nodes(),
            Some(filter) => path_of(filter).map(nodes_at).unwrap_or_default(),
        };
    }
    let (prefix, names): (_, &[&str]) = if event.starts_with(CALENDAR) {
        let names = &[
            "CalendarObjectMovedToTrashEvent",
            "CalendarObjectMovedEvent",
            "CalendarObjectRestoredEvent",
        ];
        (CALENDAR, names)
    } else if event.starts_with(ROWS) {
        (ROWS, &["RowAddedEvent", "RowUpdatedEvent", "RowDeletedEvent"])
    } else {
        return Vec::new();
    };
    names
        .iter()
        .map(|name| plain(&format!("{prefix}{name}")))
        .collect()
}

/// Every change of a file, and what has no preset of its own.
fn all_nodes() -> Vec<EventSelector> {
    let nodes = ["NodeRenamedEvent", "NodeCopiedEvent", "NodeTouchedEvent"];
    let others = [
        RESTORED,
        r"OCP\SystemTag\TagAssignedEvent",
        r"OCP\SystemTag\TagUnassignedEvent",
        r"OCA\Deck\Event\CardCreatedEvent",
        r"OCA\Deck\Event\CardUpdatedEvent",
        r"OCA\Deck\Event\CardDeletedEvent",
        r"OCA\Deck\Event\BoardUpdatedEvent",
    ];
    let nodes = nodes.iter().map(|name| plain(&format!("{NODES}{name}")));
    nodes.chain(others.iter().map(|event| plain(event))).collect()
}

/// The changes at the paths that `pattern` matches. A move is filtered twice, by where it leads and by where it comes
/// from.
fn nodes_at(pattern: &Value) -> Vec<EventSelector> {
    [
        (format!("{NODES}NodeRenamedEvent"), TARGET_PATH),
        (format!("{NODES}NodeRenamedEvent"), SOURCE_PATH),
        (format!("{NODES}NodeCopiedEvent"), TARGET_PATH),
        (format!("{NODES}NodeTouchedEvent"), NODE_PATH),
        (RESTORED.to_owned(), TARGET_PATH),
    ]
    .into_iter()
    .map(|(event, field)| EventSelector::known(&event, Some(json!({ field: pattern }))))
    .collect()
}

/// The pattern of a filter that says nothing but where the node is.
fn path_of(filter: &Value) -> Option<&Value> {
    let fields = filter.as_object()?;
    (fields.len() == 1).then(|| fields.get(NODE_PATH)).flatten()
}

fn plain(event: &str) -> EventSelector {
    EventSelector::known(event, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTES: &str = "/^\\/.*\\/files\\/Notes\\//";

    fn names(companions: &[EventSelector]) -> Vec<String> {
        companions
            .iter()
            .map(|selector| {
                let name = selector.event().rsplit('\\').next().unwrap();
                let filter = selector.filter().and_then(Value::as_object);
                let field = filter.and_then(|fields| fields.keys().next().cloned());
                field.map_or_else(|| name.to_owned(), |field| format!("{name} {field}"))
            })
            .collect()
    }

    fn nodes(filter: Option<&Value>) -> Vec<EventSelector> {
        ["NodeCreatedEvent", "NodeWrittenEvent", "BeforeNodeDeletedEvent"]
            .map(|name| EventSelector::new(&format!("{NODES}{name}"), filter).unwrap())
            .to_vec()
    }

    #[test]
    fn notes_are_followed_where_they_go() {
        let filter = json!({ NODE_PATH: NOTES });
        let companions = companions_of(&nodes(Some(&filter)));
        let expected = [
            "NodeRenamedEvent event.target.path",
            "NodeRenamedEvent event.source.path",
            "NodeCopiedEvent event.target.path",
            "NodeTouchedEvent event.node.path",
            "NodeRestoredEvent event.target.path",
        ];
        assert_eq!(names(&companions), expected);
        assert!(companions.iter().all(|selector| {
            selector
                .filter()
                .unwrap()
                .as_object()
                .unwrap()
                .values()
                .all(|pattern| pattern == NOTES)
        }));
    }

    #[test]
    fn all_files_bring_tags_and_deck_along() {
        let companions = names(&companions_of(&nodes(None)));
        for needed in [
            "NodeRenamedEvent",
            "NodeRestoredEvent",
            "TagAssignedEvent",
            "CardDeletedEvent",
        ] {
            assert!(
                companions.contains(&needed.to_owned()),
                "{needed}: {companions:?}"
            );
        }
        assert_eq!(companions.len(), 10);
    }

    #[test]
    fn a_calendar_object_is_deleted_by_moving_it_to_the_trash() {
        let asked = |name: &str| EventSelector::new(&format!("{CALENDAR}{name}"), None).unwrap();
        let wanted = [
            asked("CalendarObjectDeletedEvent"),
            asked("CalendarObjectMovedEvent"),
        ];
        assert_eq!(
            names(&companions_of(&wanted)),
            ["CalendarObjectMovedToTrashEvent", "CalendarObjectRestoredEvent"],
            "what a user asked for is no companion"
        );
    }

    #[test]
    fn what_is_not_known_has_no_companions() {
        let filter = json!({ NODE_PATH: NOTES, "user.uid": "alice" });
        assert_eq!(companions_of(&nodes(Some(&filter))), []);
        let form = EventSelector::new(r"OCA\Forms\Events\FormSubmittedEvent", None).unwrap();
        assert_eq!(companions_of(&[form]), []);
        assert_eq!(companions_of(&[plain(&format!("{NODES}NodeRenamedEvent"))]), []);
    }
}

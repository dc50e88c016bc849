//! What happens in apps that the simulator has as events only, as the payloads that were recorded
//! (`webhook-deliveries/*`).

use serde_json::{Value, json};

use super::event::raise;
use crate::world::{World, md5_hex};

/// Something that happens in an app, to be told by webhooks.
#[derive(Clone, Debug)]
pub struct AppEvent {
    class: &'static str,
    fields: Fields,
}

/// What an event says; some of it depends on who acts, and when.
#[derive(Clone, Debug)]
enum Fields {
    Plain(Value),
    CalendarObject { uri: String, text: String },
    Card { id: i64, title: String, step: CardStep },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CardStep {
    Created,
    Updated,
    Deleted,
}

impl AppEvent {
    fn plain(class: &'static str, fields: Value) -> Self {
        Self {
            class,
            fields: Fields::Plain(fields),
        }
    }

    /// A tag is given to a file.
    pub fn tag_assigned(file: i64, tag: i64) -> Self {
        let fields = json!({"objectType": "files", "objectIds": [file.to_string()], "tagIds": [tag]});
        Self::plain(r"OCP\SystemTag\TagAssignedEvent", fields)
    }

    /// A tag is taken from a file.
    pub fn tag_unassigned(file: i64, tag: i64) -> Self {
        Self {
            class: r"OCP\SystemTag\TagUnassignedEvent",
            ..Self::tag_assigned(file, tag)
        }
    }

    fn calendar(class: &'static str, uri: &str, text: &str) -> Self {
        let fields = Fields::CalendarObject {
            uri: uri.to_owned(),
            text: text.to_owned(),
        };
        Self { class, fields }
    }

    /// An object is put into the actor's calendar: its name and its iCalendar text.
    pub fn calendar_object_created(uri: &str, text: &str) -> Self {
        Self::calendar(r"OCP\Calendar\Events\CalendarObjectCreatedEvent", uri, text)
    }

    /// One that is there gets another text.
    pub fn calendar_object_updated(uri: &str, text: &str) -> Self {
        Self::calendar(r"OCP\Calendar\Events\CalendarObjectUpdatedEvent", uri, text)
    }

    /// One is deleted: Nextcloud moves it to the trash first.
    pub fn calendar_object_moved_to_trash(uri: &str, text: &str) -> Self {
        Self::calendar(r"OCP\Calendar\Events\CalendarObjectMovedToTrashEvent", uri, text)
    }

    fn card(class: &'static str, id: i64, title: &str, step: CardStep) -> Self {
        let title = title.to_owned();
        let fields = Fields::Card { id, title, step };
        Self { class, fields }
    }

    /// A card of Deck is made by the actor.
    pub fn card_created(id: i64, title: &str) -> Self {
        Self::card(r"OCA\Deck\Event\CardCreatedEvent", id, title, CardStep::Created)
    }

    /// A card of the actor is changed.
    pub fn card_updated(id: i64, title: &str) -> Self {
        Self::card(r"OCA\Deck\Event\CardUpdatedEvent", id, title, CardStep::Updated)
    }

    /// A card of the actor is deleted.
    pub fn card_deleted(id: i64, title: &str) -> Self {
        Self::card(r"OCA\Deck\Event\CardDeletedEvent", id, title, CardStep::Deleted)
    }

    /// A board of Deck is changed.
    pub fn board_updated(board: i64) -> Self {
        Self::plain(r"OCA\Deck\Event\BoardUpdatedEvent", json!({"boardId": board}))
    }

    /// A board of Deck is shared with a user.
    pub fn board_shared(board: i64, with: &str) -> Self {
        let participant = json!({"primaryKey": with, "uid": with, "displayname": with, "type": 0});
        let acl = json!({
            "id": 1, "participant": participant, "type": 0, "boardId": board, "permissionEdit": true,
            "permissionShare": false, "permissionManage": false, "owner": false,
        });
        Self::plain(r"OCA\Deck\Event\AclCreatedEvent", json!({"acl": acl}))
    }

    fn row(class: &'static str, table: i64, row: i64, before: Option<&str>, now: &str) -> Self {
        let cell = |text: &str| json!({"columnId": 1, "value": text});
        let fields = json!({
            "tableId": table, "rowId": row, "previousValues": before.map(|text| vec![cell(text)]),
            "values": [cell(now)], "dataByAlias": {"column_1": cell(now)},
        });
        Self::plain(class, fields)
    }

    /// A row is added to a table with one column.
    pub fn row_added(table: i64, row: i64, text: &str) -> Self {
        Self::row(r"OCA\Tables\Event\RowAddedEvent", table, row, None, text)
    }

    /// A row gets another text.
    pub fn row_updated(table: i64, row: i64, before: &str, text: &str) -> Self {
        Self::row(
            r"OCA\Tables\Event\RowUpdatedEvent",
            table,
            row,
            Some(before),
            text,
        )
    }

    /// A row is deleted.
    pub fn row_deleted(table: i64, row: i64, text: &str) -> Self {
        Self::row(r"OCA\Tables\Event\RowDeletedEvent", table, row, Some(text), text)
    }

    fn told(&self, uid: &str, display_name: &str, now: i64) -> Value {
        match &self.fields {
            Fields::Plain(fields) => fields.clone(),
            Fields::CalendarObject { uri, text } => calendar_object((uid, display_name), uri, text, now),
            Fields::Card { id, title, step } => card((uid, display_name), *id, title, *step, now),
        }
    }
}

fn calendar_object((uid, display_name): (&str, &str), uri: &str, text: &str, now: i64) -> Value {
    let name = uri.strip_suffix(".ics").unwrap_or(uri);
    let token = format!("http://sabre.io/ns/sync/{}", now % 1_000);
    json!({
        "calendarId": 6,
        "calendarData": {
            "id": 6, "uri": "personal", "principaluri": format!("principals/users/{uid}"),
            "{http://calendarserver.org/ns/}getctag": token,
            "{http://sabredav.org/ns}sync-token": now % 1_000,
            "{urn:ietf:params:xml:ns:caldav}supported-calendar-component-set": [],
            "{urn:ietf:params:xml:ns:caldav}schedule-calendar-transp": [],
            "{DAV:}displayname": "Personal",
            "{urn:ietf:params:xml:ns:caldav}calendar-description": null,
            "{urn:ietf:params:xml:ns:caldav}calendar-timezone": null,
            "{http://apple.com/ns/ical/}calendar-order": 0,
            "{http://apple.com/ns/ical/}calendar-color": "#00679e",
            "{http://nextcloud.com/ns}deleted-at": null,
            "{http://nextcloud.com/ns}default-alarm-part-day": null,
            "{http://nextcloud.com/ns}default-alarm-full-day": null,
            "{http://nextcloud.com/ns}owner-displayname": display_name,
        },
        "shares": [],
        "objectData": {
            "id": 11, "uri": uri, "uid": name, "lastmodified": now, "etag": format!("\"{}\"", md5_hex(text)),
            "calendarid": 6, "size": text.len(), "calendardata": text, "component": "vevent", "classification": 0,
            "{http://nextcloud.com/ns}deleted-at": null,
        },
    })
}

/// A card's owner is a UID when it is made, and an object from then on.
fn card((uid, display_name): (&str, &str), id: i64, title: &str, step: CardStep, now: i64) -> Value {
    let is_new = step == CardStep::Created;
    let is_deleted = step == CardStep::Deleted;
    let owner = json!({"primaryKey": uid, "uid": uid, "displayname": display_name, "type": 0});
    json!({"card": {
        "id": id, "title": title, "description": "d", "color": null,
        "descriptionPrev": (!is_new).then_some("d"), "stackId": 5, "type": "plain", "lastModified": now,
        "lastEditor": is_deleted.then_some(uid), "createdAt": now,
        "labels": (!is_new).then(Vec::<Value>::new), "assignedUsers": null, "attachments": [], "attachmentCount": 0,
        "owner": if is_new { json!(uid) } else { owner }, "order": 1, "archived": false, "done": null,
        "duedate": null, "startdate": null, "notified": false, "deletedAt": if is_deleted { now } else { 0 },
        "commentsUnread": 0, "commentsCount": 0, "dependentCards": null, "relatedStack": null, "relatedBoard": null,
        "ETag": md5_hex(title),
    }})
}

impl World {
    /// Lets something happen in an app at the hands of `uid`; webhooks that wait for it are queued.
    pub fn happen(&self, uid: &str, event: &AppEvent) {
        let mut state = self.write();
        let display_name = state
            .user(uid)
            .map_or_else(String::new, |user| user.display_name.clone());
        let fields = event.told(uid, &display_name, state.now());
        raise(&mut state, uid, event.class, fields);
    }
}

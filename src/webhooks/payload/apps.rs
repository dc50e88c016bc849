//! What deliveries of apps say: whose calendar, card or row changed.
//!
//! Not everybody who sees it is named. A calendar's owner and the users it is shared with are; of a board or a table
//! only who acted and who owns the card. The others are found by the id, if they have the document already, and at
//! their next scans.

use super::{Hint, Told, number, text, uid, view_of};
use crate::ids::UserId;
use crate::nextcloud::row_id;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Members of a calendar's event that describe a calendar, and who it is shared with.
const CALENDARS: [(&str, &str); 3] = [
    ("calendarData", "shares"),
    ("sourceCalendarData", "sourceShares"),
    ("targetCalendarData", "targetShares"),
];
/// More users of one event than this are left to their next scans.
const MAX_USERS: usize = 200;

/// The hints of an event about `told`.
pub(super) fn hints(told: Told, event: &Map<String, Value>, actor: Option<&UserId>) -> Vec<Hint> {
    let (users, id, part) = match told {
        Told::Calendar => (of_calendars(event), None, None),
        Told::Deck => of_card(event),
        Told::Files | Told::Tables => of_row(event),
    };
    let mut users: BTreeSet<UserId> = users;
    users.extend(actor.cloned());
    if users.is_empty() && (id.is_some() || part.is_some()) {
        users.insert(view_of(None));
    }
    users
        .into_iter()
        .take(MAX_USERS)
        .map(|user| Hint::at(told, user, id.clone(), part.clone()))
        .collect()
}

fn of_calendars(event: &Map<String, Value>) -> BTreeSet<UserId> {
    let mut users = BTreeSet::new();
    for (calendar, shares) in CALENDARS {
        let owner = event
            .get(calendar)
            .and_then(|data| text(data.get("principaluri")));
        users.extend(owner.and_then(principal));
        let shares = event.get(shares).and_then(Value::as_array);
        users.extend(
            shares
                .into_iter()
                .flatten()
                .filter_map(|share| principal(text(share.get("href"))?)),
        );
    }
    users
}

/// `principals/users/<uid>`, in shares after `principal:`. Groups are not resolved: their members' scans are.
fn principal(uri: &str) -> Option<UserId> {
    let path = uri.strip_prefix("principal:").unwrap_or(uri);
    uid(path.strip_prefix("principals/users/")?)
}

/// Who is known to see it, its id, and the board or table that holds it.
type Concerned = (BTreeSet<UserId>, Option<String>, Option<String>);

/// A card's owner is a UID when the card is made, and an object later.
fn of_card(event: &Map<String, Value>) -> Concerned {
    let card = event.get("card");
    let share = event.get("acl");
    let board = event
        .get("boardId")
        .or_else(|| share?.get("boardId"))
        .and_then(number);
    let participant = share.and_then(|share| share.get("participant"));
    let mut people: Vec<Option<&Value>> = vec![card.and_then(|card| card.get("owner")), participant];
    let assigned = card.and_then(|card| card.get("assignedUsers")?.as_array());
    people.extend(
        assigned
            .into_iter()
            .flatten()
            .map(|assignment| assignment.get("participant")),
    );
    let users = people
        .into_iter()
        .flatten()
        .filter_map(|person| uid(person.as_str().or_else(|| text(person.get("uid")))?))
        .collect();
    (users, card.and_then(|card| number(card.get("id")?)), board)
}

/// A row is named with its table.
fn of_row(event: &Map<String, Value>) -> Concerned {
    let id = |name: &str| event.get(name).and_then(number);
    let (table, row) = (id("tableId"), id("rowId"));
    let native_id = table
        .as_deref()
        .zip(row.as_deref())
        .and_then(|(table, row)| Some(row_id::native_id(table.parse().ok()?, row.parse().ok()?)));
    (BTreeSet::new(), native_id, table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(told: Told, event: Value, actor: Option<&str>) -> Vec<(String, Option<String>)> {
        let Value::Object(event) = event else {
            unreachable!("an object")
        };
        let actor = actor.map(UserId::new);
        hints(told, &event, actor.as_ref())
            .into_iter()
            .map(|hint| (hint.user.to_string(), hint.native_id))
            .collect()
    }

    #[test]
    fn a_calendar_concerns_its_owner_and_whom_it_is_shared_with() {
        let event = json!({
            "calendarData": {"principaluri": "principals/users/alice"},
            "shares": [{"href": "principal:principals/users/carol"}, {"href": "principal:principals/groups/staff"}, 7],
        });
        assert_eq!(
            found(Told::Calendar, event, Some("bob")),
            [
                ("alice".to_owned(), None),
                ("bob".to_owned(), None),
                ("carol".to_owned(), None)
            ]
        );
        let moved = json!({
            "sourceCalendarData": {"principaluri": "principals/users/alice"}, "targetCalendarData": {"principaluri": "principals/users/bob"},
        });
        assert_eq!(found(Told::Calendar, moved, None).len(), 2);
        let odd = json!({"calendarData": {"principaluri": "principals/users/../x"}, "shares": {"href": 1}});
        assert!(found(Told::Calendar, odd, None).is_empty());
    }

    #[test]
    fn a_card_concerns_its_owner_in_both_spellings_and_the_assigned() {
        let id = Some("6".to_owned());
        let event = json!({"card": {"id": 6, "owner": "alice", "assignedUsers": null}});
        assert_eq!(found(Told::Deck, event, None), [("alice".to_owned(), id.clone())]);
        let event = json!({"card": {"id": 6, "owner": {"uid": "alice"}, "assignedUsers": [{"participant": {"uid": "bob"}}]}});
        assert_eq!(
            found(Told::Deck, event, Some("alice")),
            [("alice".to_owned(), id.clone()), ("bob".to_owned(), id)]
        );
        let shared = json!({"acl": {"id": 1, "participant": {"uid": "bob"}, "boardId": 3}});
        assert_eq!(found(Told::Deck, shared, None), [("bob".to_owned(), None)]);
        assert_eq!(
            found(Told::Deck, json!({"boardId": 3}), None),
            [(String::new(), None)]
        );
    }

    #[test]
    fn a_row_concerns_who_acted_and_who_has_it() {
        let row = json!({"tableId": 1, "rowId": 7});
        let id = Some("1/7".to_owned());
        assert_eq!(
            found(Told::Tables, row.clone(), Some("alice")),
            [("alice".to_owned(), id.clone())]
        );
        assert_eq!(found(Told::Tables, row, None), [(String::new(), id)]);
        assert!(found(Told::Tables, json!({"tableId": [], "rowId": "x"}), None).is_empty());
    }
}

//! Boards, stacks, cards and comments as JSON (`deck/*` of the recordings).

use serde_json::{Value, json};

use super::data::{Board, Card, Comment, DeckState, Label, Stack, etag};
use crate::world::State;

fn person(state: &State, uid: &str) -> Value {
    json!({"primaryKey": uid, "uid": uid, "displayname": state.display_name(uid), "type": 0})
}

fn label(board: i64, card: Option<i64>, label: &Label) -> Value {
    json!({
        "id": label.id,
        "title": label.title,
        "color": label.color,
        "boardId": board,
        "cardId": card,
        "lastModified": label.last_modified,
        "ETag": etag(label.last_modified),
    })
}

/// A board as it was just made; with its labels, without `shared`.
pub(super) fn new_board(state: &State, uid: &str, board: &Board) -> Value {
    let mut value = base(state, uid, board);
    value["labels"] = board
        .labels
        .iter()
        .map(|one| label(board.id, None, one))
        .collect();
    value["lastModified"] = json!(0);
    value["ETag"] = json!(etag(0));
    value
}

/// A board of the list.
pub(super) fn listed_board(state: &State, uid: &str, board: &Board) -> Value {
    let mut value = base(state, uid, board);
    value["shared"] = json!(0);
    value
}

/// A board of the list with `details=true`: labels, people and stacks.
pub(super) fn detailed_board(state: &State, uid: &str, board: &Board) -> Value {
    let mut value = listed_board(state, uid, board);
    let people = std::iter::once(&board.owner).chain(board.acl.keys());
    value["labels"] = board
        .labels
        .iter()
        .map(|one| label(board.id, None, one))
        .collect();
    value["users"] = people.map(|one| person(state, one)).collect();
    value["stacks"] = stacks_of(&state.deck, board.id)
        .map(|one| stack(one, one.last_modified))
        .collect();
    value["settings"] = json!({"notify-due": "assigned", "calendar": true});
    value
}

fn base(state: &State, uid: &str, board: &Board) -> Value {
    let own = board.owner == uid;
    let acl: Vec<Value> = board
        .acl
        .iter()
        .map(|(with, id)| {
            json!({
                "id": id,
                "participant": person(state, with),
                "type": 0,
                "boardId": board.id,
                "permissionEdit": true,
                "permissionShare": false,
                "permissionManage": false,
                "owner": false,
            })
        })
        .collect();
    json!({
        "id": board.id,
        "title": board.title,
        "owner": person(state, &board.owner),
        "color": board.color,
        "archived": board.archived,
        "labels": [],
        "acl": acl,
        "permissions": {
            "PERMISSION_READ": true,
            "PERMISSION_EDIT": true,
            "PERMISSION_MANAGE": own,
            "PERMISSION_SHARE": own,
        },
        "users": [],
        "stacks": [],
        "activeSessions": [],
        "deletedAt": board.deleted_at,
        "lastModified": board.last_modified,
        "shareToken": null,
        "externalId": null,
        "settings": [],
        "ETag": etag(board.last_modified),
    })
}

/// The stacks of a board in their order.
pub(super) fn stacks_of(deck: &DeckState, board: i64) -> impl Iterator<Item = &Stack> {
    let mut stacks: Vec<&Stack> = deck
        .stacks
        .values()
        .filter(|stack| stack.board == board)
        .collect();
    stacks.sort_by_key(|stack| (stack.order, stack.id));
    stacks.into_iter()
}

/// A stack without its cards; a new one says 0 for its last change.
pub(super) fn stack(stack: &Stack, last_modified: i64) -> Value {
    json!({
        "id": stack.id,
        "title": stack.title,
        "boardId": stack.board,
        "deletedAt": 0,
        "lastModified": last_modified,
        "order": stack.order,
        "isDoneColumn": false,
        "ETag": etag(last_modified),
    })
}

/// A stack with its open cards changed after `since`; none: the field is missing.
pub(super) fn full_stack(state: &State, one: &Stack, since: i64) -> Value {
    let mut value = stack(one, one.last_modified);
    let cards: Vec<Value> = state
        .deck
        .cards
        .values()
        .filter(|card| card.stack == one.id && !card.archived && card.deleted_at == 0)
        .filter(|card| card.last_modified > since)
        .map(|one| card(state, one))
        .collect();
    if !cards.is_empty() {
        value["cards"] = Value::Array(cards);
    }
    value
}

/// A card.
pub(super) fn card(state: &State, card: &Card) -> Value {
    let mut value = card_base(state, card);
    value["assignedUsers"] = json!([]);
    value["dependentCards"] = json!([]);
    value["overdue"] = json!(0);
    value["referenceData"] = Value::Null;
    value
}

/// The answer to a card's deletion.
pub(super) fn deleted_card(state: &State, card: &Card) -> Value {
    let mut value = card_base(state, card);
    value["assignedUsers"] = Value::Null;
    value["dependentCards"] = Value::Null;
    value["descriptionPrev"] = json!(card.description);
    value["notified"] = json!(false);
    value["relatedStack"] = Value::Null;
    value["relatedBoard"] = Value::Null;
    value
}

fn card_base(state: &State, card: &Card) -> Value {
    let board = state
        .deck
        .board_of_card(card.id)
        .and_then(|id| state.deck.boards.get(&id));
    let labels: Vec<Value> = board
        .into_iter()
        .flat_map(|board| board.labels.iter().map(move |one| (board.id, one)))
        .filter(|(_, one)| card.labels.contains(&one.id))
        .map(|(board, one)| label(board, Some(card.id), one))
        .collect();
    json!({
        "id": card.id,
        "title": card.title,
        "description": card.description,
        "color": null,
        "stackId": card.stack,
        "type": "plain",
        "lastModified": card.last_modified,
        "lastEditor": card.last_editor,
        "createdAt": card.created,
        "labels": labels,
        "attachments": [],
        "attachmentCount": 0,
        "owner": person(state, &card.owner),
        "order": card.order,
        "archived": card.archived,
        "done": null,
        "duedate": card.duedate,
        "startdate": null,
        "deletedAt": card.deleted_at,
        "commentsUnread": 0,
        "commentsCount": card.comments.len(),
        "ETag": etag(card.last_modified),
    })
}

/// A comment, as Deck's documentation describes it.
pub(super) fn comment(state: &State, card: i64, comment: &Comment) -> Value {
    let written = chrono::DateTime::from_timestamp(comment.written, 0).unwrap_or_default();
    json!({
        "id": comment.id,
        "objectId": card,
        "message": comment.message,
        "actorId": comment.author,
        "actorType": "users",
        "actorDisplayName": state.display_name(&comment.author),
        "creationDateTime": written.format("%Y-%m-%dT%H:%M:%S+00:00").to_string(),
        "mentions": [],
    })
}

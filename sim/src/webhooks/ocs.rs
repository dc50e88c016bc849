//! `/ocs/v2.php/apps/webhook_listeners/api/v1/webhooks` (recordings `webhooks/*`).

use serde_json::{Map, Value, json};

use super::Hook;
use crate::http::{Incoming, NO_CACHE, Reply};
use crate::ocs::Outcome;
use crate::world::{State, World};

/// The answer to everybody who is neither an administrator nor delegated.
const NOT_ADMIN: Outcome = Outcome::Refused(
    403,
    "Logged in account must be an admin, a sub admin or gotten special right to access this setting",
);

/// The event classes of Nextcloud 34 and its recorded apps that webhooks can be registered for.
const EVENTS: &[&str] = &[
    r"OCP\Files\Events\Node\NodeCreatedEvent",
    r"OCP\Files\Events\Node\NodeWrittenEvent",
    r"OCP\Files\Events\Node\NodeRenamedEvent",
    r"OCP\Files\Events\Node\NodeCopiedEvent",
    r"OCP\Files\Events\Node\NodeTouchedEvent",
    r"OCP\Files\Events\Node\NodeDeletedEvent",
    r"OCP\Files\Events\Node\BeforeNodeDeletedEvent",
    r"OCA\Files_Trashbin\Events\NodeRestoredEvent",
    r"OCP\SystemTag\TagAssignedEvent",
    r"OCP\SystemTag\TagUnassignedEvent",
    r"OCP\Calendar\Events\CalendarObjectCreatedEvent",
    r"OCP\Calendar\Events\CalendarObjectUpdatedEvent",
    r"OCP\Calendar\Events\CalendarObjectDeletedEvent",
    r"OCP\Calendar\Events\CalendarObjectMovedEvent",
    r"OCP\Calendar\Events\CalendarObjectMovedToTrashEvent",
    r"OCP\Calendar\Events\CalendarObjectRestoredEvent",
    r"OCA\Deck\Event\CardCreatedEvent",
    r"OCA\Deck\Event\CardUpdatedEvent",
    r"OCA\Deck\Event\CardDeletedEvent",
    r"OCA\Deck\Event\BoardUpdatedEvent",
    r"OCA\Deck\Event\AclCreatedEvent",
    r"OCA\Tables\Event\RowAddedEvent",
    r"OCA\Tables\Event\RowUpdatedEvent",
    r"OCA\Tables\Event\RowDeletedEvent",
];

/// Answers `…/webhooks` + `rest`, which is empty or `/{id}`.
pub(crate) fn answer(world: &World, request: &Incoming, rest: &str, uid: &str) -> Outcome {
    let mut state = world.write();
    if !may_manage(&state, uid) {
        return NOT_ADMIN;
    }
    let id = rest.strip_prefix('/').map(str::parse::<i64>);
    match (request.method.as_str(), id) {
        ("GET", None) => Outcome::Data(list(&state, request.query_value("uri").as_deref())),
        ("POST", None) => register(&mut state, request, uid, None),
        ("GET", Some(Ok(id))) => match state.webhooks.hooks.get(&id) {
            Some(hook) => Outcome::Data(describe(hook)),
            None => Outcome::Refused(
                404,
                "Did expect one result but found none when executing: query \"SELECT * FROM \
                 `*PREFIX*webhook_listeners` WHERE `id` = :dcValue1\"; ",
            ),
        },
        ("POST", Some(Ok(id))) => register(&mut state, request, uid, Some(id)),
        ("DELETE", Some(Ok(id))) => Outcome::Data(json!(state.webhooks.hooks.remove(&id).is_some())),
        ("PUT", Some(Ok(_))) => {
            Outcome::Whole(Reply::new(405, "application/json; charset=utf-8", "").without_user())
        }
        _ => Outcome::NoRoute,
    }
}

/// Delegated ones are none: tokens are for administrators only.
fn is_admin(state: &State, uid: &str) -> bool {
    state
        .user(uid)
        .is_some_and(|user| user.groups.iter().any(|group| group == "admin"))
}

fn may_manage(state: &State, uid: &str) -> bool {
    state.user(uid).is_some_and(|user| {
        user.groups
            .iter()
            .any(|group| group == "admin" || state.webhooks.delegated.contains(group))
    })
}

fn list(state: &State, uri: Option<&str>) -> Value {
    let hooks = state.webhooks.hooks.values();
    hooks
        .filter(|hook| uri.is_none_or(|uri| hook.uri == uri))
        .map(describe)
        .collect()
}

/// Makes a registration, or another of the one with `id`; a missing one is made up in the answer and not stored.
fn register(state: &mut State, request: &Incoming, uid: &str, id: Option<i64>) -> Outcome {
    let params = request.params();
    if ["httpMethod", "uri", "event"]
        .iter()
        .any(|name| !params.get(*name).is_some_and(Value::is_string))
    {
        return Outcome::Whole(
            Reply::new(400, "text/html; charset=UTF-8", "").with("cache-control", NO_CACHE),
        );
    }
    if !matches!(
        params.get("authMethod").and_then(Value::as_str),
        None | Some("none" | "header")
    ) {
        return Outcome::Refused(400, "This auth method does not exist");
    }
    let is_new = id.is_none();
    let id = id.unwrap_or_else(|| state.webhooks.last_id + 1);
    let mut hook = hook(id, uid, &params);
    if !is_admin(state, uid) {
        hook.token_needed = json!([]);
    }
    if !EVENTS.contains(&hook.event.as_str()) {
        let message = format!("{} is not an event class compatible with webhooks", hook.event);
        return Outcome::RefusedWith(400, message);
    }
    let shown = describe(&hook);
    if is_new {
        state.webhooks.last_id = id;
    }
    if is_new || state.webhooks.hooks.contains_key(&id) {
        state.webhooks.hooks.insert(id, hook);
    }
    Outcome::Data(shown)
}

/// A registration of these fields. Neither method nor address is checked.
pub(super) fn hook(id: i64, uid: &str, fields: &Map<String, Value>) -> Hook {
    let text = |name: &str| {
        let text = fields.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let field = |name: &str, none: Value| match fields.get(name) {
        None | Some(Value::Null) => none,
        Some(value) => value.clone(),
    };
    let event = text("event");
    let auth_method = match text("authMethod") {
        none if none.is_empty() => "none".to_owned(),
        method => method,
    };
    Hook {
        id,
        user_id: uid.to_owned(),
        http_method: text("httpMethod"),
        uri: text("uri"),
        event: event.strip_prefix('\\').unwrap_or(&event).to_owned(),
        event_filter: field("eventFilter", json!([])),
        user_id_filter: text("userIdFilter"),
        headers: field("headers", Value::Null),
        auth_data: field("authData", Value::Null),
        auth_method,
        token_needed: field("tokenNeeded", json!([])),
    }
}

/// The answer's object; secrets are shown as Nextcloud stores them.
pub(super) fn describe(hook: &Hook) -> Value {
    let sealed = match &hook.auth_data {
        Value::Null => Value::Null,
        data => json!(format!(
            "{}|{}|3",
            crate::world::md5_hex(&data.to_string()),
            hook.id
        )),
    };
    json!({
        "id": hook.id,
        "appId": null,
        "userId": hook.user_id,
        "httpMethod": hook.http_method,
        "uri": hook.uri,
        "event": hook.event,
        "eventFilter": hook.event_filter,
        "userIdFilter": hook.user_id_filter,
        "headers": hook.headers,
        "authMethod": hook.auth_method,
        "authData": sealed,
        "tokenNeeded": hook.token_needed,
    })
}

//! What happens to files, as the payloads that were recorded (`webhook-deliveries/*`).

use serde_json::{Value, json};

use super::{Queued, filter};
use crate::world::State;

/// A file or folder in the actor's own view (facts §5).
#[derive(Clone, Debug)]
pub(crate) struct NodeRef {
    id: i64,
    /// `/alice/files/…`.
    path: String,
}

impl NodeRef {
    /// What `uid` sees at `path` of the own tree.
    pub(crate) fn of(uid: &str, path: &str, id: i64) -> Self {
        Self {
            id,
            path: full(uid, path),
        }
    }

    fn full(&self) -> Value {
        json!({"id": self.id, "path": self.path})
    }

    fn path_only(&self) -> Value {
        json!({"path": self.path})
    }
}

fn full(uid: &str, path: &str) -> String {
    format!("/{uid}/files{path}")
}

const NODES: &str = r"OCP\Files\Events\Node\";

/// A new file or folder: created and written, folders too.
pub(crate) fn created(state: &mut State, uid: &str, node: &NodeRef) {
    raise(
        state,
        uid,
        &format!("{NODES}NodeCreatedEvent"),
        json!({"node": node.full()}),
    );
    written(state, uid, node);
}

/// New content, be it the same bytes.
pub(crate) fn written(state: &mut State, uid: &str, node: &NodeRef) {
    raise(
        state,
        uid,
        &format!("{NODES}NodeWrittenEvent"),
        json!({"node": node.full()}),
    );
}

/// Moved or renamed; what is below a folder is not told.
pub(crate) fn moved(state: &mut State, uid: &str, from: &str, target: &NodeRef) {
    let fields = json!({"source": {"path": full(uid, from)}, "target": target.full()});
    raise(state, uid, &format!("{NODES}NodeRenamedEvent"), fields);
}

/// Copied: that, and what a new file brings.
pub(crate) fn copied(state: &mut State, uid: &str, source: &NodeRef, target: &NodeRef) {
    let fields = json!({"source": source.full(), "target": target.full()});
    raise(state, uid, &format!("{NODES}NodeCopiedEvent"), fields);
    created(state, uid, target);
}

/// Deleted; what is below a folder is not told.
pub(crate) fn deleted(state: &mut State, uid: &str, node: &NodeRef) {
    let before = format!("{NODES}BeforeNodeDeletedEvent");
    raise(state, uid, &before, json!({"node": node.full()}));
    let after = format!("{NODES}NodeDeletedEvent");
    raise(state, uid, &after, json!({"node": node.path_only()}));
}

/// Back from the trash bin.
pub(crate) fn restored(state: &mut State, uid: &str, node: &NodeRef) {
    let touched = format!("{NODES}NodeTouchedEvent");
    raise(state, uid, &touched, json!({"node": node.full()}));
    let name = node.path.rsplit('/').next().unwrap_or_default();
    let bin = format!("/{uid}/files_trashbin/files/{name}.d{}", state.now());
    let fields = json!({"source": {"path": bin}, "target": node.full()});
    raise(state, uid, r"OCA\Files_Trashbin\Events\NodeRestoredEvent", fields);
}

/// Queues one delivery per registration that the event passes. `userIdFilter` never does: the recorded requests are
/// those of clients with Basic or bearer credentials (facts §0 row 11).
pub(super) fn raise(state: &mut State, uid: &str, class: &str, mut event: Value) {
    if state.webhooks.hooks.is_empty() {
        return;
    }
    event["class"] = json!(class);
    let display_name = state.user(uid).map_or("", |user| user.display_name.as_str());
    let payload = json!({
        "event": event,
        "user": {"uid": uid, "displayName": display_name},
        "time": state.now(),
        "authentication": [],
    });
    let due: Vec<i64> = state
        .webhooks
        .hooks
        .values()
        .filter(|hook| hook.event == class && hook.user_id_filter.is_empty())
        .filter(|hook| filter::passes(&hook.event_filter, &payload))
        .map(|hook| hook.id)
        .collect();
    for hook in due {
        state.webhooks.queue.push_back(Queued {
            hook,
            body: payload.to_string(),
        });
    }
}

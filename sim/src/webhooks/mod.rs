//! `webhook_listeners`: registrations over OCS, and the deliveries of what happens (facts §5): of files by itself, of
//! apps by [`World::happen`].
//!
//! As in Nextcloud an event is queued when it happens and posted when background jobs run:
//! [`World::deliver_webhooks`] is that moment. Nothing is delivered twice.

mod apps;
mod delivery;
mod event;
mod filter;
mod ocs;

pub use apps::AppEvent;
pub use delivery::Delivered;
pub(crate) use event::{NodeRef, copied, created, deleted, moved, restored, written};
pub(crate) use ocs::answer;

use std::collections::{BTreeMap, VecDeque};

use serde_json::Value;

use crate::world::World;

/// One registration.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    id: i64,
    user_id: String,
    http_method: String,
    uri: String,
    event: String,
    event_filter: Value,
    user_id_filter: String,
    headers: Value,
    auth_method: String,
    /// Sent as headers; shown encrypted only.
    auth_data: Value,
    token_needed: Value,
}

/// Something to be posted.
#[derive(Debug)]
struct Queued {
    hook: i64,
    body: String,
}

/// What the world's lock guards of webhooks.
#[derive(Debug, Default)]
pub(crate) struct WebhookState {
    hooks: BTreeMap<i64, Hook>,
    last_id: i64,
    queue: VecDeque<Queued>,
    /// Groups whose members may manage webhooks beside administrators.
    delegated: Vec<String>,
}

impl World {
    /// `occ admin-delegation:add 'OCA\WebhookListeners\Settings\Admin' GROUP`.
    pub fn delegate_webhooks(&self, group: &str) {
        self.write().webhooks.delegated.push(group.to_owned());
    }

    /// The registrations as an administrator lists them, oldest first.
    pub fn webhooks(&self) -> Vec<Value> {
        self.read().webhooks.hooks.values().map(ocs::describe).collect()
    }

    /// The `Authorization` header that a registration's deliveries carry.
    pub fn webhook_authorization(&self, id: i64) -> Option<String> {
        let state = self.read();
        let text = state.webhooks.hooks.get(&id)?.auth_data.get("Authorization")?;
        text.as_str().map(str::to_owned)
    }

    /// Registers as an administrator's script would: no secret, nothing checked. Returns the id.
    pub fn add_webhook(&self, uid: &str, uri: &str, event: &str) -> i64 {
        let fields = serde_json::json!({"httpMethod": "POST", "uri": uri, "event": event});
        let fields = fields.as_object().cloned().unwrap_or_default();
        let mut state = self.write();
        let id = state.webhooks.next_id();
        let hook = ocs::hook(id, uid, &fields);
        state.webhooks.hooks.insert(id, hook);
        id
    }

    /// Deletes a registration, whosever it is.
    pub fn remove_webhook(&self, id: i64) -> bool {
        self.write().webhooks.hooks.remove(&id).is_some()
    }

    /// The payloads that wait for background jobs, oldest first.
    pub fn queued_payloads(&self) -> Vec<Value> {
        let state = self.read();
        let queue = state.webhooks.queue.iter();
        queue
            .map(|queued| serde_json::from_str(&queued.body).unwrap_or_default())
            .collect()
    }

    /// How many deliveries wait for background jobs.
    pub fn queued_webhooks(&self) -> usize {
        self.read().webhooks.queue.len()
    }
}

impl WebhookState {
    fn next_id(&mut self) -> i64 {
        self.last_id += 1;
        self.last_id
    }
}

//! What this process works on in the background.

use super::queue;
use crate::auth::grants::GrantUpkeep;
use crate::sync::SyncEngine;
use crate::webhooks::{HintEffect, Webhooks};
use std::sync::Arc;

/// The duties of a worker; each is optional. Hybrid mode without a vector sync has grants to keep alive and no engine,
/// single-user mode has an engine and no grants.
#[derive(Clone, Default)]
pub struct Duties {
    /// Keeps the index in step.
    pub sync: Option<Arc<SyncEngine>>,
    /// Turns what webhooks told into scans; of use with a sync only.
    pub hints: Option<HintEffect>,
    /// Keeps grants alive and finishes their endings.
    pub grants: Option<Arc<dyn GrantUpkeep>>,
    /// Keeps Nextcloud's webhooks as they were asked for.
    pub webhooks: Option<Webhooks>,
}

impl Duties {
    /// The queues of these duties. Each duty has its own, so that grants stay alive while the index is rebuilt.
    pub(super) fn queues(&self) -> Vec<&'static str> {
        let sync = self.sync.as_ref().map(|_| queue::SYNC);
        let grants = self.grants.as_ref().map(|_| queue::GRANTS);
        let webhooks = self.webhooks.as_ref().map(|_| queue::WEBHOOKS);
        sync.into_iter().chain(grants).chain(webhooks).collect()
    }
}

impl std::fmt::Debug for Duties {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Duties")
            .field("sync", &self.sync.is_some())
            .field("hints", &self.hints.is_some())
            .field("grants", &self.grants.is_some())
            .field("webhooks", &self.webhooks.is_some())
            .finish()
    }
}

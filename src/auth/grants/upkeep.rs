//! What jobs do for grants: refresh ahead of time, end elsewhere what was revoked, tell what a crash left.

use super::GrantError;
use super::broker::TokenBroker;
use super::departed::Departed;
use super::mint::Mint;
use super::refresh::Outcome;
use super::revocation::Revocations;
use async_trait::async_trait;
use std::sync::Arc;

/// What waits to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DueUpkeep {
    /// Grants are due for a refresh.
    pub refreshes: bool,
    /// Revocations wait for the other side, or a crash left an intent.
    pub revocations: bool,
}

/// Keeps grants alive and finishes their endings. Jobs call it; so can tests, without any queue.
#[async_trait]
pub trait GrantUpkeep: Send + Sync {
    /// What waits to be done now.
    async fn due(&self) -> Result<DueUpkeep, GrantError>;

    /// Refreshes up to `limit` grants that are due; returns how many were. A failed one is due again later.
    async fn refresh_due(&self, limit: i64) -> Result<usize, GrantError>;

    /// Makes one attempt at up to `limit` endings elsewhere; returns how many. A failed one is due again later.
    async fn finish_revocations(&self, limit: i64) -> Result<usize, GrantError>;
}

/// [`GrantUpkeep`] over the database.
pub struct Upkeep {
    pub(super) broker: TokenBroker,
    pub(super) departed: Departed,
    pub(super) revocations: Revocations,
    pub(super) mint: Arc<Mint>,
}

impl std::fmt::Debug for Upkeep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upkeep").finish_non_exhaustive()
    }
}

#[async_trait]
impl GrantUpkeep for Upkeep {
    async fn due(&self) -> Result<DueUpkeep, GrantError> {
        let now = self.broker.refresher().clock.now();
        let refreshes = !self.broker.store().due(now, 1).await?.is_empty();
        let revocations = self.revocations.any_due().await? || self.mint.any_left_over().await?;
        Ok(DueUpkeep {
            refreshes,
            revocations,
        })
    }

    async fn refresh_due(&self, limit: i64) -> Result<usize, GrantError> {
        let turns = self.broker.refresh_due(limit).await?;
        for (user, outcome) in &turns {
            let doubtful = *outcome == Outcome::Doubtful;
            let forgotten = doubtful && self.departed.check(user).await?;
            if !forgotten && (doubtful || *outcome == Outcome::Delayed) {
                self.departed.give_up_if_hopeless(user, doubtful).await?;
            }
        }
        Ok(turns.len())
    }

    async fn finish_revocations(&self, limit: i64) -> Result<usize, GrantError> {
        self.mint.tell_left_over().await?;
        self.revocations.finish(limit).await
    }
}

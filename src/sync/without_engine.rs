//! Users who come and go while the sync is off: the database knows, and a later start with the sync carries on.

use super::{removal, users};
use crate::auth::{RemovalError, SyncTrigger};
use crate::clock::SharedClock;
use crate::ids::UserId;
use async_trait::async_trait;
use sqlx::PgPool;

/// [`SyncTrigger`] without an engine: no scan is started, but nothing that was synced before outlives a removal.
#[derive(Debug, Clone)]
pub struct DatabaseTrigger {
    pool: PgPool,
    clock: SharedClock,
}

impl DatabaseTrigger {
    /// A trigger on `pool`'s database.
    pub fn new(pool: PgPool, clock: SharedClock) -> Self {
        Self { pool, clock }
    }
}

#[async_trait]
impl SyncTrigger for DatabaseTrigger {
    async fn user_provisioned(&self, uid: &UserId) {
        // The first housekeeping of an engine gives active users their scans.
        if let Err(error) = users::enqueue(&self.pool, uid, &[], self.clock.now()).await {
            tracing::warn!(%error, "a user's pause could not be ended");
        }
    }

    async fn user_removed(&self, uid: &UserId) -> Result<(), RemovalError> {
        // A user without the mark is left alone. Tombstones tell the index, whenever there is one.
        removal::remove(&self.pool, uid, self.clock.now())
            .await
            .map_err(RemovalError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::test_support::World;

    #[sqlx::test]
    async fn a_removal_without_an_engine_leaves_nothing_and_a_return_is_scanned(pool: PgPool) {
        let world = World::keyword_only(pool);
        world.cloud.put("alice", "/x.md", "text");
        world.enqueue("alice").await;
        world.scan().await;
        world.settle().await;
        let trigger = DatabaseTrigger::new(world.pool.clone(), world.clock.clone());
        let alice = UserId::new("alice");
        world.mark_removed("alice").await;
        trigger.user_removed(&alice).await.unwrap();
        assert!(world.states().await.is_empty());
        assert_eq!(world.one::<i64>("select count(*) from users").await, 0);
        world.settle().await;
        world.assert_index_true().await;

        trigger.user_provisioned(&alice).await;
        world.settle().await;
        assert_eq!(world.scan().await.len(), 1, "housekeeping gave the user a scan");
    }

    #[sqlx::test]
    async fn a_user_who_has_come_back_is_not_removed(pool: PgPool) {
        let world = World::keyword_only(pool);
        world.cloud.put("alice", "/x.md", "text");
        world.enqueue("alice").await;
        world.scan().await;
        world.settle().await;
        let trigger = DatabaseTrigger::new(world.pool.clone(), world.clock.clone());
        let alice = UserId::new("alice");
        world.mark_removed("alice").await;
        trigger.user_provisioned(&alice).await;
        trigger.user_removed(&alice).await.unwrap();
        assert_eq!(
            world
                .one::<i64>("select count(*) from users where sync_state = 'active'")
                .await,
            1
        );
        assert_eq!(world.states().await.len(), 1);
        world.assert_index_true().await;
    }
}

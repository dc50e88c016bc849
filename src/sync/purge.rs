//! Purging a document type: everything that any user has of it leaves the index. What still exists at its source is
//! found and indexed anew by the next scans.

use super::{SyncError, access};
use crate::clock::SharedClock;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Documents taken off a user in one transaction.
const BATCH: i64 = 1_000;

/// Purges document types. Clones share the database.
#[derive(Debug, Clone)]
pub struct Purge {
    pool: PgPool,
    clock: SharedClock,
}

impl Purge {
    /// A purge on `pool`'s database.
    pub fn new(pool: PgPool, clock: SharedClock) -> Self {
        Self { pool, clock }
    }

    /// Takes every document off everybody who sees it as `doc_type`, and returns how many documents nobody has any
    /// more. Searches do not find them from then on; their points leave the index with the next housekeeping. What was
    /// done stays when an error cuts it short, and asking again goes on with it.
    pub async fn doc_type(&self, doc_type: &str) -> Result<usize, SyncError> {
        let now = self.clock.now();
        let users = sqlx::query_scalar!(
            r#"select distinct uid as "uid!: UserId" from document_readers where doc_type = $1 order by 1"#,
            doc_type
        )
        .fetch_all(&self.pool)
        .await?;
        let mut gone = 0;
        for user in users {
            gone += self.of_user(&user, doc_type, now).await?;
        }
        Ok(gone)
    }

    async fn of_user(&self, user: &UserId, doc_type: &str, now: DateTime<Utc>) -> Result<usize, SyncError> {
        // A scan under way is fenced off, and the next one lists everything: an unchanged tree would tell it nothing.
        sqlx::query!(
            "update scans set lease_generation = lease_generation + 1, lease_until = null, root_etag = null,
                    full_walk_at = null
             where uid = $1",
            user.as_str()
        )
        .execute(&self.pool)
        .await?;
        let mut gone = 0;
        loop {
            let documents = sqlx::query_scalar!(
                "select document_id from document_readers where uid = $1 and doc_type = $2
                 order by document_id limit $3",
                user.as_str(),
                doc_type,
                BATCH
            )
            .fetch_all(&self.pool)
            .await?;
            if documents.is_empty() {
                return Ok(gone);
            }
            let mut tx = self.pool.begin().await?;
            gone += access::remove_reader(&mut tx, user, &documents, now).await?;
            tx.commit().await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::test_support::World;

    #[sqlx::test]
    async fn a_purged_type_leaves_everybody_at_once_and_is_found_again_by_the_next_scan(pool: PgPool) {
        let world = World::keyword_only(pool);
        world.cloud.put("alice", "/x.md", "text");
        world.cloud.put("bob", "/y.md", "text of bob");
        for user in ["alice", "bob"] {
            world.enqueue(user).await;
        }
        world.scan().await;
        world.settle().await;
        let before = world.states().await;
        assert_eq!(before.len(), 2);

        let purge = Purge::new(world.pool.clone(), world.clock.clone());
        assert_eq!(purge.doc_type("deck_card").await.unwrap(), 0);
        assert_eq!(world.states().await, before);
        assert_eq!(purge.doc_type("file").await.unwrap(), 2);
        assert!(world.states().await.is_empty());
        assert_eq!(purge.doc_type("file").await.unwrap(), 0);
        world.settle().await;
        world.assert_index_true().await;

        world.rescan().await;
        world.settle().await;
        assert_eq!(world.states().await, before);
        world.assert_index_true().await;
    }
}

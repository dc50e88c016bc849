//! One index, several processes: many write side by side, one alone rebuilds or replaces it.
//!
//! The right is an advisory lock of `PostgreSQL` on a connection of its own, so that it ends with its process. Who writes
//! holds it shared and looks now and then whether somebody wants it alone.

use sqlx::{PgConnection, PgPool};

/// Key of the advisory lock.
const KEY: i64 = 0x6e63_696e_6465_7820;

/// The right to write an index that several processes share. Dropped, it ends.
#[derive(Debug)]
pub struct IndexRight {
    connection: PgConnection,
}

impl IndexRight {
    /// To write beside others. Waits while somebody rebuilds.
    pub async fn shared(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?.detach();
        sqlx::query!("select pg_advisory_lock_shared($1)", KEY)
            .fetch_one(&mut connection)
            .await?;
        Ok(Self { connection })
    }

    /// As [`IndexRight::shared`], but `None` instead of a wait, also when somebody already waits to rebuild: safe for
    /// who holds the right already.
    pub async fn shared_now(pool: &PgPool) -> Result<Option<Self>, sqlx::Error> {
        let mut connection = pool.acquire().await?.detach();
        let granted = sqlx::query_scalar!(r#"select pg_try_advisory_lock_shared($1) as "granted!""#, KEY)
            .fetch_one(&mut connection)
            .await?;
        Ok(granted.then_some(Self { connection }))
    }

    /// To rebuild or replace it. Waits until nobody else writes.
    pub async fn alone(pool: &PgPool) -> Result<Self, sqlx::Error> {
        let mut connection = pool.acquire().await?.detach();
        sqlx::query!("select pg_advisory_lock($1)", KEY)
            .fetch_one(&mut connection)
            .await?;
        Ok(Self { connection })
    }

    /// Whether another process waits for it. An error means that the right is lost with its connection.
    pub async fn is_wanted(&mut self) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar!(
            r#"select exists (
                 select from pg_locks l join pg_database d on d.oid = l.database
                 where d.datname = current_database() and l.locktype = 'advisory' and l.objsubid = 1
                   and l.classid::bigint = $1::bigint >> 32 and l.objid::bigint = $1::bigint & 4294967295
                   and not l.granted) as "wanted!""#,
            KEY
        )
        .fetch_one(&mut self.connection)
        .await
    }
}

/// Whether some process rebuilds the index now.
pub async fn is_being_rebuilt(pool: &PgPool) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"select exists (
             select from pg_locks l join pg_database d on d.oid = l.database
             where d.datname = current_database() and l.locktype = 'advisory' and l.objsubid = 1
               and l.classid::bigint = $1::bigint >> 32 and l.objid::bigint = $1::bigint & 4294967295
               and l.granted and l.mode = 'ExclusiveLock') as "rebuilt!""#,
        KEY
    )
    .fetch_one(pool)
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[sqlx::test(migrations = "./migrations")]
    async fn writers_work_side_by_side_and_a_rebuild_alone(pool: PgPool) {
        let mut one = IndexRight::shared(&pool).await.unwrap();
        let other = IndexRight::shared(&pool).await.unwrap();
        assert!(!one.is_wanted().await.unwrap());
        let rebuild = tokio::spawn({
            let pool = pool.clone();
            async move { IndexRight::alone(&pool).await }
        });
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while !one.is_wanted().await.unwrap() {
            assert!(std::time::Instant::now() < deadline);
            tokio::task::yield_now().await;
        }
        assert!(
            IndexRight::shared_now(&pool).await.unwrap().is_none(),
            "it comes after who waits"
        );
        assert!(!rebuild.is_finished() && !is_being_rebuilt(&pool).await.unwrap());
        drop((one, other));
        let alone = rebuild.await.unwrap().unwrap();
        assert!(is_being_rebuilt(&pool).await.unwrap());
        assert!(IndexRight::shared_now(&pool).await.unwrap().is_none());
        drop(alone);
        IndexRight::shared(&pool).await.unwrap();
        assert!(IndexRight::shared_now(&pool).await.unwrap().is_some());
        assert!(!is_being_rebuilt(&pool).await.unwrap());
    }
}

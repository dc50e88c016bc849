//! The table `users`: everyone whose documents are synced.

use super::DbError;
use crate::ids::UserId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Whether a user's documents are synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncState {
    /// They are.
    Active,
    /// Not until [`resume`].
    Paused {
        /// Why, for the status; `None` when nobody said.
        reason: Option<String>,
    },
}

/// A row of `users`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUser {
    /// Nextcloud UID.
    pub uid: UserId,
    /// Whether their documents are synced.
    pub sync_state: SyncState,
    /// Since when.
    pub sync_state_since: DateTime<Utc>,
}

/// Adds the user unless they are there; leaves their state alone.
pub async fn ensure(connection: &mut PgConnection, uid: &UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "insert into users (uid, sync_state_since, created_at) values ($1, $2, $2) on conflict (uid) do nothing",
        uid.as_str(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The user's row.
pub async fn find(connection: &mut PgConnection, uid: &UserId) -> Result<Option<StoredUser>, DbError> {
    let row = sqlx::query!(
        r#"select uid as "uid: UserId", sync_state, sync_state_reason, sync_state_since from users where uid = $1"#,
        uid.as_str()
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| StoredUser {
        uid: row.uid,
        sync_state: match row.sync_state.as_str() {
            "active" => SyncState::Active,
            _ => SyncState::Paused {
                reason: row.sync_state_reason,
            },
        },
        sync_state_since: row.sync_state_since,
    }))
}

/// Users who are not paused, by UID.
pub async fn list_active(connection: &mut PgConnection) -> Result<Vec<UserId>, DbError> {
    Ok(sqlx::query_scalar!(
        r#"select uid as "uid: UserId" from users where sync_state = 'active' order by uid"#
    )
    .fetch_all(connection)
    .await?)
}

/// Stops the user's sync, for instance because Nextcloud disabled the account. Pausing again keeps the time of
/// the first and takes the new reason.
pub async fn pause(
    connection: &mut PgConnection,
    uid: &UserId,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    sqlx::query!(
        "update users set sync_state = 'paused', sync_state_reason = $2,
             sync_state_since = case when sync_state = 'paused' then sync_state_since else $3 end
         where uid = $1",
        uid.as_str(),
        reason,
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Lets a paused user's sync go on.
pub async fn resume(connection: &mut PgConnection, uid: &UserId, now: DateTime<Utc>) -> Result<(), DbError> {
    sqlx::query!(
        "update users set sync_state = 'active', sync_state_reason = null, sync_state_since = $2
         where uid = $1 and sync_state <> 'active'",
        uid.as_str(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes the user with their credential and scan state. Answers whether they were there.
pub async fn delete(connection: &mut PgConnection, uid: &UserId) -> Result<bool, DbError> {
    let done = sqlx::query!("delete from users where uid = $1", uid.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use sqlx::PgPool;

    #[sqlx::test(migrations = "./migrations")]
    async fn pausing_and_resuming(pool: PgPool) {
        let mut connection = pool.acquire().await.unwrap();
        let (alice, bob) = (UserId::new("alice"), UserId::new("bob"));
        let start = DateTime::UNIX_EPOCH;
        for uid in [&bob, &alice] {
            ensure(&mut connection, uid, start).await.unwrap();
        }
        let later = start + TimeDelta::hours(1);
        pause(&mut connection, &alice, "disabled", later).await.unwrap();
        pause(&mut connection, &alice, "gone", later + TimeDelta::hours(1))
            .await
            .unwrap();
        ensure(&mut connection, &alice, later).await.unwrap();
        let row = find(&mut connection, &alice).await.unwrap().unwrap();
        assert_eq!(
            row.sync_state,
            SyncState::Paused {
                reason: Some("gone".to_owned())
            }
        );
        assert_eq!(row.sync_state_since, later);
        assert_eq!(
            list_active(&mut connection).await.unwrap(),
            std::slice::from_ref(&bob)
        );
        resume(&mut connection, &alice, later).await.unwrap();
        assert_eq!(list_active(&mut connection).await.unwrap(), [alice.clone(), bob]);
        assert!(delete(&mut connection, &alice).await.unwrap());
        assert!(!delete(&mut connection, &alice).await.unwrap());
        assert_eq!(find(&mut connection, &alice).await.unwrap(), None);
    }
}

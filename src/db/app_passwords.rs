//! The table `app_passwords`: background credentials, sealed.

use super::DbError;
use crate::crypto::{EnvelopeContext, EnvelopeError, Keyring};
use crate::ids::{LoginName, UserId};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::PgConnection;

/// An app password to store.
#[derive(Debug, Clone)]
pub struct NewAppPassword {
    /// Whose it is, as Nextcloud answered to it.
    pub uid: UserId,
    /// What Basic authentication sends beside it.
    pub login_name: LoginName,
    /// The password.
    pub password: SecretString,
    /// What its owner allowed; `None`: everything.
    pub scopes: Option<Vec<String>>,
}

/// A stored app password, opened.
#[derive(Debug, Clone)]
pub struct StoredAppPassword {
    /// Whose it is.
    pub uid: UserId,
    /// What Basic authentication sends beside it.
    pub login_name: LoginName,
    /// The password.
    pub password: SecretString,
    /// What its owner allowed; `None`: everything.
    pub scopes: Option<Vec<String>>,
    /// When the first one was handed over.
    pub created_at: DateTime<Utc>,
    /// When this one was.
    pub updated_at: DateTime<Utc>,
}

/// Why a stored app password could not be had.
#[derive(Debug, thiserror::Error)]
pub enum AppPasswordError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The row does not open.
    #[error("stored app password: {0}")]
    Envelope(#[from] EnvelopeError),
}

fn context(uid: &UserId) -> EnvelopeContext<'_> {
    EnvelopeContext {
        user: uid.as_str(),
        table: "app_passwords",
        column: "password",
    }
}

/// Stores the app password in place of an earlier one, and has its owner synced, also after a pause. Call it
/// inside a transaction: it writes to two tables.
pub async fn upsert(
    connection: &mut PgConnection,
    keyring: &Keyring,
    new: &NewAppPassword,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    super::users::ensure(connection, &new.uid, now).await?;
    super::users::resume(connection, &new.uid, now).await?;
    sqlx::query!(
        "insert into app_passwords (uid, login_name, password, scopes, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $5)
         on conflict (uid) do update set login_name = excluded.login_name, password = excluded.password,
             scopes = excluded.scopes, updated_at = excluded.updated_at",
        new.uid.as_str(),
        new.login_name.as_str(),
        keyring.seal(context(&new.uid), &new.password),
        new.scopes.as_deref(),
        now
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The user's app password.
///
/// # Errors
/// [`AppPasswordError::Envelope`] when the row was sealed with another key or for another user.
pub async fn get(
    connection: &mut PgConnection,
    keyring: &Keyring,
    uid: &UserId,
) -> Result<Option<StoredAppPassword>, AppPasswordError> {
    let row = sqlx::query!(
        r#"select login_name as "login_name: LoginName", password, scopes, created_at, updated_at
           from app_passwords where uid = $1"#,
        uid.as_str()
    )
    .fetch_optional(connection)
    .await
    .map_err(DbError)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(StoredAppPassword {
        uid: uid.clone(),
        login_name: row.login_name,
        password: keyring.open(context(uid), &row.password)?,
        scopes: row.scopes,
        created_at: row.created_at,
        updated_at: row.updated_at,
    }))
}

/// Removes the user's app password. Answers whether there was one.
pub async fn delete(connection: &mut PgConnection, uid: &UserId) -> Result<bool, DbError> {
    let done = sqlx::query!("delete from app_passwords where uid = $1", uid.as_str())
        .execute(connection)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Removes an app password that Nextcloud refused, unless its owner has replaced it since `stored` was read.
pub async fn delete_refused(
    connection: &mut PgConnection,
    stored: &StoredAppPassword,
) -> Result<bool, DbError> {
    let done = sqlx::query!(
        "delete from app_passwords where uid = $1 and updated_at = $2",
        stored.uid.as_str(),
        stored.updated_at
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EncryptionConfig;
    use crate::db::users;
    use crate::entropy::SystemEntropy;
    use chrono::TimeDelta;
    use secrecy::ExposeSecret;
    use sqlx::PgPool;
    use std::sync::Arc;
    use zeroize::Zeroizing;

    fn keyring() -> Keyring {
        let config = EncryptionConfig {
            current: Zeroizing::new([7; 32]),
            previous: None,
        };
        Keyring::new(&config, Arc::new(SystemEntropy))
    }

    fn new(uid: &str, password: &str) -> NewAppPassword {
        NewAppPassword {
            uid: UserId::new(uid),
            login_name: LoginName::new(format!("{uid}@example.com")),
            password: SecretString::from(password),
            scopes: None,
        }
    }

    async fn raw(pool: &PgPool, uid: &str) -> String {
        let row: sqlx::types::JsonValue =
            sqlx::query_scalar("select to_jsonb(app_passwords) from app_passwords where uid = $1")
                .bind(uid)
                .fetch_one(pool)
                .await
                .unwrap();
        assert!(!row.to_string().contains("plain-text-pw"), "{row}");
        row["password"].as_str().unwrap().to_owned()
    }

    /// Fault case T01.
    #[sqlx::test(migrations = "./migrations")]
    async fn the_raw_row_holds_no_plaintext(pool: PgPool) {
        let mut connection = pool.acquire().await.unwrap();
        let (ring, now) = (keyring(), DateTime::UNIX_EPOCH);
        upsert(&mut connection, &ring, &new("alice", "plain-text-pw"), now)
            .await
            .unwrap();
        let first = raw(&pool, "alice").await;
        assert!(first.starts_with("v1."), "{first}");
        upsert(&mut connection, &ring, &new("alice", "plain-text-pw"), now)
            .await
            .unwrap();
        assert_ne!(raw(&pool, "alice").await, first);
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn stores_reads_replaces_and_deletes(pool: PgPool) {
        let mut connection = pool.acquire().await.unwrap();
        let (ring, alice, start) = (keyring(), UserId::new("alice"), DateTime::UNIX_EPOCH);
        let later = start + TimeDelta::hours(1);
        assert!(get(&mut connection, &ring, &alice).await.unwrap().is_none());
        upsert(&mut connection, &ring, &new("alice", "first"), start)
            .await
            .unwrap();
        users::pause(&mut connection, &alice, "password refused", start)
            .await
            .unwrap();
        let old = get(&mut connection, &ring, &alice).await.unwrap().unwrap();
        upsert(&mut connection, &ring, &new("alice", "second"), later)
            .await
            .unwrap();
        assert_eq!(
            users::list_active(&mut connection).await.unwrap(),
            std::slice::from_ref(&alice)
        );
        assert!(
            !delete_refused(&mut connection, &old).await.unwrap(),
            "the replacement stays"
        );
        let stored = get(&mut connection, &ring, &alice).await.unwrap().unwrap();
        assert_eq!(stored.password.expose_secret(), "second");
        assert_eq!(stored.login_name.as_str(), "alice@example.com");
        assert_eq!((stored.created_at, stored.updated_at), (start, later));
        assert!(!format!("{stored:?}").contains("second"));
        assert!(delete(&mut connection, &alice).await.unwrap());
        assert!(!delete(&mut connection, &alice).await.unwrap());
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_swapped_row_does_not_open(pool: PgPool) {
        let mut connection = pool.acquire().await.unwrap();
        let ring = keyring();
        for uid in ["alice", "bob"] {
            upsert(&mut connection, &ring, &new(uid, uid), DateTime::UNIX_EPOCH)
                .await
                .unwrap();
        }
        sqlx::query("update app_passwords set password = $1 where uid = 'bob'")
            .bind(raw(&pool, "alice").await)
            .execute(&pool)
            .await
            .unwrap();
        let error = get(&mut connection, &ring, &UserId::new("bob"))
            .await
            .unwrap_err();
        assert!(
            matches!(error, AppPasswordError::Envelope(EnvelopeError::Rejected)),
            "{error}"
        );
    }
}

//! App passwords in `PostgreSQL`, encrypted by the keyring.

use super::{AppPasswordStore, CredentialError, StoredAppPassword};
use crate::crypto::{EnvelopeContext, Keyring};
use crate::db::DbError;
use crate::ids::{LoginName, UserId};
use async_trait::async_trait;
use sqlx::PgPool;

/// The table `app_passwords`. The ciphertext is bound to user, table and column.
#[derive(Clone)]
pub struct PgAppPasswordStore {
    pool: PgPool,
    keyring: Keyring,
}

impl std::fmt::Debug for PgAppPasswordStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgAppPasswordStore").finish_non_exhaustive()
    }
}

impl PgAppPasswordStore {
    /// A store over `pool`, sealed with `keyring`.
    pub fn new(pool: PgPool, keyring: Keyring) -> Self {
        Self { pool, keyring }
    }
}

fn context(user: &UserId) -> EnvelopeContext<'_> {
    EnvelopeContext {
        user: user.as_str(),
        table: "app_passwords",
        column: "password",
    }
}

#[async_trait]
impl AppPasswordStore for PgAppPasswordStore {
    async fn put(&self, stored: &StoredAppPassword) -> Result<(), CredentialError> {
        let sealed = self.keyring.seal(context(&stored.uid), &stored.password);
        let mut transaction = self.pool.begin().await.map_err(DbError)?;
        sqlx::query!(
            "insert into users (uid) values ($1)
             on conflict (uid) do update
             set sync_state = 'active', sync_state_reason = null, sync_state_since = now()",
            stored.uid.as_str(),
        )
        .execute(&mut *transaction)
        .await
        .map_err(DbError)?;
        sqlx::query!(
            "insert into app_passwords (uid, login_name, password, scopes) values ($1, $2, $3, $4)
             on conflict (uid) do update
             set login_name = excluded.login_name, password = excluded.password, scopes = excluded.scopes,
                 updated_at = now()",
            stored.uid.as_str(),
            stored.login_name.as_str(),
            sealed,
            stored.scopes.as_deref(),
        )
        .execute(&mut *transaction)
        .await
        .map_err(DbError)?;
        transaction.commit().await.map_err(DbError)?;
        Ok(())
    }

    async fn get(&self, user: &UserId) -> Result<Option<StoredAppPassword>, CredentialError> {
        let row = sqlx::query!(
            "select login_name, password, scopes from app_passwords where uid = $1",
            user.as_str()
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(DbError)?;
        row.map(|row| {
            let password = self
                .keyring
                .open(context(user), &row.password)
                .map_err(|error| CredentialError::Unusable(error.to_string()))?;
            Ok(StoredAppPassword {
                uid: user.clone(),
                login_name: LoginName::new(row.login_name),
                password,
                scopes: row.scopes,
            })
        })
        .transpose()
    }

    async fn exists(&self, user: &UserId) -> Result<bool, CredentialError> {
        let found = sqlx::query_scalar!(
            r#"select exists (select from app_passwords where uid = $1) as "exists!""#,
            user.as_str()
        )
        .fetch_one(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(found)
    }

    async fn delete(&self, user: &UserId) -> Result<bool, CredentialError> {
        let deleted = sqlx::query!("delete from app_passwords where uid = $1", user.as_str())
            .execute(&self.pool)
            .await
            .map_err(DbError)?;
        Ok(deleted.rows_affected() > 0)
    }
}

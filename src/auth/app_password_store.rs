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
            "insert into users (uid) values ($1) on conflict (uid) do nothing",
            stored.uid.as_str()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EncryptionConfig;
    use crate::entropy::SystemEntropy;
    use secrecy::{ExposeSecret, SecretString};
    use std::sync::Arc;
    use zeroize::Zeroizing;

    fn store(pool: PgPool) -> PgAppPasswordStore {
        let config = EncryptionConfig {
            current: Zeroizing::new([7; 32]),
            previous: None,
        };
        PgAppPasswordStore::new(pool, Keyring::new(&config, Arc::new(SystemEntropy)))
    }

    fn of(uid: &str, password: &str) -> StoredAppPassword {
        StoredAppPassword {
            uid: UserId::new(uid),
            login_name: LoginName::new(format!("{uid}@example.org")),
            password: SecretString::from(password),
            scopes: Some(vec!["notes.read".into()]),
        }
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn an_app_password_comes_back_and_can_be_replaced_and_deleted(pool: PgPool) {
        let store = store(pool);
        let alice = UserId::new("alice");
        assert!(store.get(&alice).await.unwrap().is_none());
        store.put(&of("alice", "first")).await.unwrap();
        store.put(&of("alice", "second")).await.unwrap();
        let stored = store.get(&alice).await.unwrap().unwrap();
        assert_eq!(stored.password.expose_secret(), "second");
        assert_eq!(stored.login_name.as_str(), "alice@example.org");
        assert_eq!(stored.scopes, Some(vec!["notes.read".into()]));
        assert!(store.exists(&alice).await.unwrap());
        assert!(store.delete(&alice).await.unwrap());
        assert!(!store.delete(&alice).await.unwrap());
        assert!(!store.exists(&alice).await.unwrap());
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn t01_the_row_holds_no_plaintext_and_two_stores_differ(pool: PgPool) {
        let store = store(pool.clone());
        let mut rows = Vec::new();
        for _ in 0..2 {
            store.put(&of("alice", "s3cret-s3cret-s3cret")).await.unwrap();
            let row = sqlx::query_scalar!("select password from app_passwords where uid = 'alice'")
                .fetch_one(&pool)
                .await
                .unwrap();
            assert!(row.starts_with("v1.") && !row.contains("s3cret"), "{row}");
            rows.push(row);
        }
        assert_ne!(rows[0], rows[1]);
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_swapped_row_does_not_decrypt(pool: PgPool) {
        let store = store(pool.clone());
        store.put(&of("alice", "of-alice")).await.unwrap();
        store.put(&of("bob", "of-bob")).await.unwrap();
        sqlx::query!(
            "update app_passwords set password = (select password from app_passwords where uid = 'alice')
             where uid = 'bob'"
        )
        .execute(&pool)
        .await
        .unwrap();
        let refused = store.get(&UserId::new("bob")).await;
        assert!(matches!(refused, Err(CredentialError::Unusable(_))));
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_new_app_password_does_not_revive_a_user_who_is_being_removed(pool: PgPool) {
        let store = store(pool.clone());
        store.put(&of("alice", "first")).await.unwrap();
        sqlx::query!("update users set sync_state = 'paused', sync_state_reason = 'removed'")
            .execute(&pool)
            .await
            .unwrap();
        store.put(&of("alice", "second")).await.unwrap();
        let user = sqlx::query!("select sync_state, sync_state_reason from users where uid = 'alice'")
            .fetch_one(&pool)
            .await
            .unwrap();
        assert_eq!(
            (user.sync_state.as_str(), user.sync_state_reason.as_deref()),
            ("paused", Some("removed"))
        );
    }
}

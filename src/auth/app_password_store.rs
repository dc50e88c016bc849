//! App passwords in `PostgreSQL`, encrypted by the keyring: handed over by users, or made with their consent.

use super::grants::PendingRevocations;
use super::{AppPasswordStore, CredentialError, StoredAppPassword, Withdrawn, membership};
use crate::clock::SharedClock;
use crate::crypto::{EnvelopeContext, Keyring};
use crate::db::DbError;
use crate::ids::{LoginName, UserId};
use async_trait::async_trait;
use secrecy::ExposeSecret;
use sqlx::{PgConnection, PgPool};

/// The table `app_passwords`. The ciphertext is bound to user, table and column.
#[derive(Clone)]
pub struct PgAppPasswordStore {
    pool: PgPool,
    keyring: Keyring,
    clock: SharedClock,
}

impl std::fmt::Debug for PgAppPasswordStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgAppPasswordStore").finish_non_exhaustive()
    }
}

impl PgAppPasswordStore {
    /// A store over `pool`, sealed with `keyring`.
    pub fn new(pool: PgPool, keyring: Keyring, clock: SharedClock) -> Self {
        Self { pool, keyring, clock }
    }

    /// Stores an app password that was made with a consent, in the transaction that ends the intent to make one.
    pub(super) async fn put_minted(
        &self,
        conn: &mut PgConnection,
        stored: &StoredAppPassword,
    ) -> Result<(), DbError> {
        self.upsert(conn, stored, "minted").await
    }

    async fn upsert(
        &self,
        conn: &mut PgConnection,
        stored: &StoredAppPassword,
        origin: &str,
    ) -> Result<(), DbError> {
        self.retire_minted(conn, &stored.uid).await?;
        let sealed = self.keyring.seal(context(&stored.uid), &stored.password);
        sqlx::query!(
            "insert into app_passwords (uid, login_name, password, scopes, origin) values ($1, $2, $3, $4, $5)
             on conflict (uid) do update
             set login_name = excluded.login_name, password = excluded.password, scopes = excluded.scopes,
                 origin = excluded.origin, updated_at = now()",
            stored.uid.as_str(),
            stored.login_name.as_str(),
            sealed,
            stored.scopes.as_deref(),
            origin
        )
        .execute(conn)
        .await?;
        Ok(())
    }

    /// Forgets an app password that is worth nothing at Nextcloud any more; `false` when none was stored.
    pub(super) async fn discard(&self, conn: &mut PgConnection, user: &UserId) -> Result<bool, DbError> {
        let deleted = sqlx::query!("delete from app_passwords where uid = $1", user.as_str())
            .execute(conn)
            .await?;
        Ok(deleted.rows_affected() > 0)
    }

    /// Takes the user's app password away; `false` when none was stored. One that was made with a consent is put on
    /// record to be ended at Nextcloud; one that the user made is the user's own.
    pub(super) async fn take(&self, conn: &mut PgConnection, user: &UserId) -> Result<bool, DbError> {
        let minted = self.retire_minted(conn, user).await?;
        Ok(self.discard(conn, user).await? || minted)
    }

    async fn retire_minted(&self, conn: &mut PgConnection, user: &UserId) -> Result<bool, DbError> {
        let taken = sqlx::query!(
            r#"delete from app_passwords where uid = $1 and origin = 'minted'
               returning login_name as "login_name: LoginName", password"#,
            user.as_str()
        )
        .fetch_optional(&mut *conn)
        .await?;
        let Some(row) = taken else {
            return Ok(false);
        };
        match self.keyring.open(context(user), &row.password) {
            Ok(password) => {
                PendingRevocations::new(self.keyring.clone())
                    .add_app_password(conn, user, &row.login_name, &password)
                    .await?;
            }
            Err(error) => tracing::warn!(%error, "an app password cannot be ended at Nextcloud"),
        }
        Ok(true)
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
        let mut transaction = self.pool.begin().await.map_err(DbError)?;
        membership::welcome(&mut transaction, &stored.uid, self.clock.now()).await?;
        self.upsert(&mut transaction, stored, "handed_over").await?;
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

    async fn withdraw(&self, user: &UserId) -> Result<Withdrawn, CredentialError> {
        let mut transaction = self.pool.begin().await.map_err(DbError)?;
        membership::lock(&mut transaction, user).await?;
        let another_stands = sqlx::query_scalar!(
            r#"select exists (select from grants where uid = $1 and state <> 'reauth_required') as "exists!""#,
            user.as_str()
        )
        .fetch_one(&mut *transaction)
        .await
        .map_err(DbError)?;
        let existed = self.take(&mut transaction, user).await?;
        if !another_stands {
            membership::mark_removed(&mut transaction, user, self.clock.now()).await?;
        }
        transaction.commit().await.map_err(DbError)?;
        Ok(Withdrawn {
            existed,
            another_stands,
        })
    }

    async fn drop_refused(&self, refused: &StoredAppPassword) -> Result<bool, CredentialError> {
        let mut transaction = self.pool.begin().await.map_err(DbError)?;
        let sealed = sqlx::query_scalar!(
            "select password from app_passwords where uid = $1 for update",
            refused.uid.as_str()
        )
        .fetch_optional(&mut *transaction)
        .await
        .map_err(DbError)?;
        // Sealed anew its text differs, so what it holds is compared.
        let is_refused = sealed
            .and_then(|sealed| self.keyring.open(context(&refused.uid), &sealed).ok())
            .is_some_and(|stored| stored.expose_secret() == refused.password.expose_secret());
        if is_refused {
            self.discard(&mut transaction, &refused.uid).await?;
        }
        transaction.commit().await.map_err(DbError)?;
        Ok(is_refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::manual_clock;
    use crate::config::EncryptionConfig;
    use crate::entropy::SystemEntropy;
    use secrecy::SecretString;
    use std::sync::Arc;
    use zeroize::Zeroizing;

    fn store(pool: PgPool) -> PgAppPasswordStore {
        let config = EncryptionConfig {
            current: Zeroizing::new([7; 32]),
            previous: None,
        };
        PgAppPasswordStore::new(
            pool,
            Keyring::new(&config, Arc::new(SystemEntropy)),
            manual_clock(),
        )
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
        let mut withdrawn = Withdrawn {
            existed: true,
            another_stands: false,
        };
        assert_eq!(store.withdraw(&alice).await.unwrap(), withdrawn);
        withdrawn.existed = false;
        assert_eq!(store.withdraw(&alice).await.unwrap(), withdrawn);
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
    async fn a_refused_one_goes_and_what_replaced_it_stays(pool: PgPool) {
        let store = store(pool);
        let (first, second) = (of("alice", "first"), of("alice", "second"));
        store.put(&first).await.unwrap();
        store.put(&second).await.unwrap();
        assert!(!store.drop_refused(&first).await.unwrap());
        assert!(store.exists(&second.uid).await.unwrap());
        assert!(store.drop_refused(&second).await.unwrap());
        assert!(!store.drop_refused(&second).await.unwrap());
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_new_app_password_ends_a_removal_that_is_under_way(pool: PgPool) {
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
            ("active", None)
        );
    }
}

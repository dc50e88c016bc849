//! The table `installation`: which Nextcloud and which key this database belongs to.

use super::DbError;
use crate::crypto::{EnvelopeContext, Keyring};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, PgPool};

/// What the check row holds, sealed.
const CHECK_TEXT: &str = "nextcloud-mcp-server";
const CHECK_CONTEXT: EnvelopeContext<'_> = EnvelopeContext {
    user: "",
    table: "installation",
    column: "encryption_check",
};

/// Why the database may not be used with this Nextcloud.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// It holds the documents of another one.
    #[error(
        "this database belongs to the Nextcloud with instance id {stored}, but NEXTCLOUD_HOST answers as {seen}: \
         point NEXTCLOUD_HOST at the former, or use another database (DATABASE_URL or DATA_DIR)"
    )]
    WrongInstance {
        /// The instance id of the first contact.
        stored: String,
        /// The instance id that Nextcloud answers now.
        seen: String,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Why the database may not be used with the configured key.
#[derive(Debug, thiserror::Error)]
pub enum KeyCheckError {
    /// Its secrets were sealed with another key. Nothing was overwritten.
    #[error(
        "TOKEN_ENCRYPTION_KEY is not the key that this database's secrets were sealed with: set the former key, \
         or the new one with the former as TOKEN_ENCRYPTION_KEY_PREVIOUS"
    )]
    WrongKey,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Stores the instance id (the suffix of `oc:id`) at first contact, and compares it ever after (DESIGN §2).
///
/// # Errors
/// [`BindError::WrongInstance`] when the database belongs to another Nextcloud.
pub async fn bind_instance(connection: &mut PgConnection, instance_id: &str) -> Result<(), BindError> {
    let stored = sqlx::query_scalar!(
        r#"update installation set nextcloud_instance_id = coalesce(nextcloud_instance_id, $1)
           returning nextcloud_instance_id as "instance_id!""#,
        instance_id
    )
    .fetch_one(connection)
    .await
    .map_err(DbError)?;
    if stored == instance_id {
        Ok(())
    } else {
        Err(BindError::WrongInstance {
            stored,
            seen: instance_id.to_owned(),
        })
    }
}

/// The instance id of the first contact; `None` before it.
///
/// # Errors
/// [`DbError`] when the database does not answer.
pub async fn instance_id(pool: &PgPool) -> Result<Option<String>, DbError> {
    Ok(
        sqlx::query_scalar!("select nextcloud_instance_id from installation")
            .fetch_one(pool)
            .await?,
    )
}

/// Seals the check row at first use, and opens it ever after, so that a wrong key is found at start and not
/// when the first secret is needed.
///
/// # Errors
/// [`KeyCheckError::WrongKey`] when neither the current nor the previous key opens it.
pub async fn check_encryption_key(
    connection: &mut PgConnection,
    keyring: &Keyring,
) -> Result<(), KeyCheckError> {
    let sealed = keyring.seal(CHECK_CONTEXT, &SecretString::from(CHECK_TEXT));
    let stored = sqlx::query_scalar!(
        r#"update installation set encryption_check = coalesce(encryption_check, $1)
           returning encryption_check as "encryption_check!""#,
        sealed
    )
    .fetch_one(connection)
    .await
    .map_err(DbError)?;
    match keyring.open(CHECK_CONTEXT, &stored) {
        Ok(text) if text.expose_secret() == CHECK_TEXT => Ok(()),
        Ok(_) | Err(_) => Err(KeyCheckError::WrongKey),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EncryptionConfig;
    use crate::entropy::SystemEntropy;
    use std::sync::Arc;
    use zeroize::Zeroizing;

    fn keyring(current: u8, previous: Option<u8>) -> Keyring {
        let key = |byte| Zeroizing::new([byte; 32]);
        let config = EncryptionConfig {
            current: key(current),
            previous: previous.map(key),
        };
        Keyring::new(&config, Arc::new(SystemEntropy))
    }

    async fn check_row(pool: &PgPool) -> Option<String> {
        sqlx::query_scalar("select encryption_check from installation")
            .fetch_one(pool)
            .await
            .unwrap()
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn the_first_instance_is_kept(pool: PgPool) {
        let mut connection = pool.acquire().await.unwrap();
        bind_instance(&mut connection, "oc1").await.unwrap();
        bind_instance(&mut connection, "oc1").await.unwrap();
        let error = bind_instance(&mut connection, "oc2")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("oc1") && error.contains("oc2"), "{error}");
        bind_instance(&mut connection, "oc1").await.unwrap();
    }

    /// Fault case T04.
    #[sqlx::test(migrations = "./migrations")]
    async fn a_wrong_key_is_refused_and_overwrites_nothing(pool: PgPool) {
        let mut connection = pool.acquire().await.unwrap();
        check_encryption_key(&mut connection, &keyring(1, None))
            .await
            .unwrap();
        let before = check_row(&pool).await;
        let error = check_encryption_key(&mut connection, &keyring(2, None))
            .await
            .unwrap_err();
        assert!(matches!(error, KeyCheckError::WrongKey));
        assert!(error.to_string().contains("TOKEN_ENCRYPTION_KEY"));
        check_encryption_key(&mut connection, &keyring(2, Some(1)))
            .await
            .unwrap();
        assert_eq!(check_row(&pool).await, before);
    }
}

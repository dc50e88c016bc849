//! The table `oauth_clients`: the client that this server registered at an issuer. Secrets are sealed, bound to issuer,
//! table and column.

use super::registration::Registration;
use crate::crypto::{EnvelopeContext, Keyring};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use sqlx::{PgConnection, PgPool};

/// Taken while registering, so that two processes make one client; any number that no other lock of the database has.
const REGISTRATION_LOCK: i64 = 0x6e63_6d63_706f_6969;

/// The stored client could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientStoreError {
    #[error("the registered OAuth client cannot be stored or read: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the registered OAuth client cannot be decrypted: {0}")]
    Envelope(#[from] crate::crypto::EnvelopeError),
}

/// A registered client.
#[derive(Debug, Clone)]
pub(super) struct StoredClient {
    pub(super) client_id: String,
    pub(super) secret: Option<SecretString>,
    /// The callback it was registered with.
    pub(super) redirect_uri: String,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) registered_at: DateTime<Utc>,
}

/// The table.
#[derive(Debug, Clone)]
pub(super) struct ClientStore {
    pool: PgPool,
    keyring: Keyring,
}

impl ClientStore {
    pub(super) fn new(pool: PgPool, keyring: Keyring) -> Self {
        Self { pool, keyring }
    }

    /// The client registered at `issuer`.
    pub(super) async fn get(&self, issuer: &str) -> Result<Option<StoredClient>, ClientStoreError> {
        let mut connection = self.pool.acquire().await?;
        self.read(&mut connection, issuer).await
    }

    /// Waits until no other process registers. The lock is held until the transaction ends.
    pub(super) async fn lock(&self) -> Result<sqlx::PgTransaction<'static>, ClientStoreError> {
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("select pg_advisory_xact_lock($1)", REGISTRATION_LOCK)
            .execute(&mut *transaction)
            .await?;
        Ok(transaction)
    }

    /// As [`ClientStore::get`], within a transaction.
    pub(super) async fn read(
        &self,
        connection: &mut PgConnection,
        issuer: &str,
    ) -> Result<Option<StoredClient>, ClientStoreError> {
        let row = sqlx::query!(
            "select client_id, client_secret, redirect_uri, expires_at, registered_at from oauth_clients
             where issuer = $1",
            issuer
        )
        .fetch_optional(connection)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let secret = row
            .client_secret
            .map(|sealed| self.keyring.open(context(issuer, "client_secret"), &sealed))
            .transpose()?;
        Ok(Some(StoredClient {
            client_id: row.client_id,
            secret,
            redirect_uri: row.redirect_uri,
            expires_at: row.expires_at,
            registered_at: row.registered_at,
        }))
    }

    /// Stores `registration` in place of an earlier one of `issuer`.
    pub(super) async fn replace(
        &self,
        connection: &mut PgConnection,
        issuer: &str,
        registration: &Registration,
        redirect_uri: &str,
        now: DateTime<Utc>,
    ) -> Result<StoredClient, ClientStoreError> {
        let seal = |column: &'static str, secret: &Option<SecretString>| {
            let secret = secret.as_ref();
            secret.map(|secret| self.keyring.seal(context(issuer, column), secret))
        };
        let expires_at = registration
            .expires_at
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        sqlx::query!(
            "insert into oauth_clients
                 (issuer, client_id, redirect_uri, client_secret, registration_access_token, registration_client_uri,
                  expires_at, registered_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)
             on conflict (issuer) do update
             set client_id = excluded.client_id, redirect_uri = excluded.redirect_uri,
                 client_secret = excluded.client_secret,
                 registration_access_token = excluded.registration_access_token,
                 registration_client_uri = excluded.registration_client_uri,
                 expires_at = excluded.expires_at, registered_at = excluded.registered_at",
            issuer,
            registration.client_id,
            redirect_uri,
            seal("client_secret", &registration.client_secret),
            seal("registration_access_token", &registration.access_token),
            registration.client_uri.as_ref().map(url::Url::as_str),
            expires_at,
            now,
        )
        .execute(connection)
        .await?;
        Ok(StoredClient {
            client_id: registration.client_id.clone(),
            secret: registration.client_secret.clone(),
            redirect_uri: redirect_uri.to_owned(),
            expires_at,
            registered_at: now,
        })
    }
}

fn context<'a>(issuer: &'a str, column: &'static str) -> EnvelopeContext<'a> {
    EnvelopeContext {
        user: issuer,
        table: "oauth_clients",
        column,
    }
}

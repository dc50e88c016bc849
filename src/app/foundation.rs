//! What every command needs: the database with its schema, and the keys.

use super::{AppError, clock, entropy};
use crate::clock::SharedClock;
use crate::config::Config;
use crate::crypto::Keyring;
use crate::db::{self, Database, DbError};
use crate::entropy::SharedEntropy;
use sqlx::PgPool;
use std::sync::Arc;

/// Database, schema and keys, checked.
pub struct Foundation {
    pub(super) database: Arc<Database>,
    pub(super) keyring: Option<Keyring>,
    pub(super) clock: SharedClock,
    pub(super) entropy: SharedEntropy,
}

impl Foundation {
    /// Opens the database, brings its schema up to date and checks the encryption key.
    pub async fn open(config: &Config) -> Result<Self, AppError> {
        let entropy = entropy();
        let database = Database::open(&config.database, &entropy).await?;
        Self::over(config, database, entropy).await
    }

    /// As [`Foundation::open`], also while a server runs that holds the private database.
    pub(super) async fn open_beside_server(config: &Config) -> Result<Self, AppError> {
        let entropy = entropy();
        let database = Database::open_beside_server(&config.database, &entropy).await?;
        Self::over(config, database, entropy).await
    }

    async fn over(config: &Config, database: Database, entropy: SharedEntropy) -> Result<Self, AppError> {
        let clock = clock();
        let keyring = config
            .encryption
            .as_ref()
            .map(|keys| Keyring::new(keys, entropy.clone()));
        let foundation = Self {
            database: Arc::new(database),
            keyring,
            clock,
            entropy,
        };
        match foundation.prepare().await {
            Ok(()) => Ok(foundation),
            Err(error) => {
                foundation.close().await;
                Err(error)
            }
        }
    }

    /// Opens the database and changes nothing in it, for `doctor` and `audit`.
    pub(super) async fn look(config: &Config) -> Result<Self, AppError> {
        let (clock, entropy) = (clock(), entropy());
        let database = Arc::new(Database::open_beside_server(&config.database, &entropy).await?);
        Ok(Self {
            database,
            keyring: None,
            clock,
            entropy,
        })
    }

    async fn prepare(&self) -> Result<(), AppError> {
        db::migrate(self.pool()).await?;
        if let Some(keyring) = &self.keyring {
            let mut connection = self.pool().acquire().await.map_err(DbError::from)?;
            db::installation::check_encryption_key(&mut connection, keyring).await?;
        }
        Ok(())
    }

    /// Connections of the API.
    pub(super) fn pool(&self) -> &PgPool {
        &self.database.pool
    }

    /// Connections of the background work: a busy queue never takes the last connection from a request.
    pub(super) fn worker_pool(&self) -> &PgPool {
        &self.database.worker_pool
    }

    /// Whether the schema was ever made; `doctor` may look at an empty database.
    pub(super) async fn has_schema(&self) -> Result<bool, DbError> {
        let found = sqlx::query_scalar!("select to_regclass('public.installation') is not null")
            .fetch_one(self.pool())
            .await?;
        Ok(found.unwrap_or(false))
    }

    /// `PostgreSQL`'s own words about its version.
    pub(super) async fn postgres_version(&self) -> Result<String, AppError> {
        let version = sqlx::query_scalar!("select current_setting('server_version')")
            .fetch_one(self.pool())
            .await
            .map_err(DbError::from)?;
        Ok(format!("PostgreSQL {}", version.unwrap_or_default()))
    }

    /// Closes the pools and stops the private cluster.
    pub(super) async fn close(self) {
        if let Err(error) = self.database.shutdown().await {
            tracing::warn!(%error, "the private database did not stop; the next start adopts it");
        }
    }
}

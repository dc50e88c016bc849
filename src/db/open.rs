//! Opens the database: an external one or the private cluster.

use super::cluster::PrivateCluster;
use super::{ClusterError, DbError};
use crate::config::DatabaseConfig;
use crate::entropy::SharedEntropy;
use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};
use std::str::FromStr;
use std::time::Duration;

/// How long a caller waits for a connection before it gets an error: a lost database must not hang requests.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `DATABASE_URL` cannot be read. The parser's own words are left out: they may quote the password.
    #[error("DATABASE_URL is not a PostgreSQL URL: write it like postgres://user:password@host/database")]
    InvalidUrl,
    /// The database does not answer.
    #[error("the database cannot be reached ({0}): check DATABASE_URL and that PostgreSQL runs")]
    Unreachable(#[source] sqlx::Error),
    /// The private cluster does not run.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
}

/// The open database: separate pools, so that indexing never takes the API's connections.
#[derive(Debug)]
pub struct Database {
    /// For requests.
    pub pool: PgPool,
    /// For background jobs.
    pub worker_pool: PgPool,
    cluster: Option<PrivateCluster>,
}

impl Database {
    /// Connects to `DATABASE_URL`, or makes, starts or adopts the private cluster in the data directory. The
    /// schema is left to [`migrate`](super::migrate()).
    ///
    /// # Errors
    /// [`OpenError`], with what the operator can do.
    pub async fn open(config: &DatabaseConfig, entropy: &SharedEntropy) -> Result<Self, OpenError> {
        let (options, cluster) = if let Some(url) = &config.url {
            let options = PgConnectOptions::from_str(url.expose_secret());
            (options.map_err(|_| OpenError::InvalidUrl)?, None)
        } else {
            let bin_dir = config.postgres_bin_dir.as_deref();
            let connections = 2 * config.pool_size;
            let cluster = PrivateCluster::open(&config.data_dir, bin_dir, connections, entropy).await?;
            (cluster.connect_options(), Some(cluster))
        };
        Self::connect(config, options, cluster).await
    }

    /// As [`Database::open`]; where a running server holds the private cluster, connects to it as a guest, who does
    /// not stop it.
    ///
    /// # Errors
    /// [`OpenError`], with what the operator can do.
    pub async fn open_beside_server(
        config: &DatabaseConfig,
        entropy: &SharedEntropy,
    ) -> Result<Self, OpenError> {
        match Self::open(config, entropy).await {
            Err(OpenError::Cluster(ClusterError::InUse { .. })) => {
                let options = PrivateCluster::guest_options(&config.data_dir, entropy)?;
                Self::connect(config, options, None).await
            }
            opened => opened,
        }
    }

    async fn connect(
        config: &DatabaseConfig,
        options: PgConnectOptions,
        cluster: Option<PrivateCluster>,
    ) -> Result<Self, OpenError> {
        let options = options.disable_statement_logging();
        let pool = |name: &str| {
            PgPoolOptions::new()
                .max_connections(config.pool_size)
                .acquire_timeout(ACQUIRE_TIMEOUT)
                .connect_lazy_with(
                    options
                        .clone()
                        .application_name(&format!("nextcloud-mcp-server {name}")),
                )
        };
        let database = Self {
            pool: pool("api"),
            worker_pool: pool("worker"),
            cluster,
        };
        database
            .ping()
            .await
            .map_err(|DbError(error)| OpenError::Unreachable(error))?;
        Ok(database)
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// [`DbError`] when it does not within 10 seconds.
    pub async fn ping(&self) -> Result<(), DbError> {
        sqlx::query_scalar!("select 1").fetch_one(&self.pool).await?;
        Ok(())
    }

    /// Restarts the private cluster whenever its postmaster dies; never returns. The server spawns it and drops
    /// it at shutdown. Without a private cluster it waits for ever.
    pub async fn supervise(&self) {
        match &self.cluster {
            Some(cluster) => cluster.supervise().await,
            None => std::future::pending().await,
        }
    }

    /// Closes the pools and stops the private cluster.
    ///
    /// # Errors
    /// [`ClusterError`] when the private cluster does not stop; the next start adopts it.
    pub async fn shutdown(&self) -> Result<(), ClusterError> {
        self.pool.close().await;
        self.worker_pool.close().await;
        match &self.cluster {
            Some(cluster) => cluster.stop().await,
            None => Ok(()),
        }
    }

    #[cfg(test)]
    pub(super) fn cluster_for_test(&self) -> &PrivateCluster {
        self.cluster.as_ref().unwrap()
    }
}

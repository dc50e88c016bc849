//! How each dependency is probed.

use crate::index::VectorIndex;
use crate::nextcloud::Nextcloud;
use async_trait::async_trait;
use sqlx::PgPool;
use std::sync::Arc;

/// Looks at one dependency.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Name in the report.
    fn name(&self) -> &'static str;
    /// Whether this server cannot serve without it.
    fn gates(&self) -> bool;
    /// Looks; the error's text goes to the log, never into the report.
    async fn check(&self) -> Result<(), String>;
}

/// `PostgreSQL` answers a query.
#[derive(Debug, Clone)]
pub struct DatabaseProbe(pub PgPool);

#[async_trait]
impl Probe for DatabaseProbe {
    fn name(&self) -> &'static str {
        "database"
    }

    fn gates(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), String> {
        sqlx::query_scalar!("select 1")
            .fetch_one(&self.0)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    }
}

/// The vector index answers.
#[derive(Clone)]
pub struct IndexProbe(pub Arc<dyn VectorIndex>);

#[async_trait]
impl Probe for IndexProbe {
    fn name(&self) -> &'static str {
        "index"
    }

    fn gates(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), String> {
        self.0.stats().await.map(drop).map_err(|error| error.to_string())
    }
}

/// Nextcloud answers and is not in maintenance. It does not gate: taking this server out of service because
/// Nextcloud is away would only hide which of the two is broken.
#[derive(Debug, Clone)]
pub struct NextcloudProbe(pub Nextcloud);

#[async_trait]
impl Probe for NextcloudProbe {
    fn name(&self) -> &'static str {
        "nextcloud"
    }

    fn gates(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<(), String> {
        match self.0.status().await {
            Ok(status) if status.maintenance => Err("Nextcloud is in maintenance mode".into()),
            Ok(status) if !status.installed => Err("Nextcloud is not installed".into()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

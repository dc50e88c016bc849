//! The index on a Qdrant server, which several processes use.

use super::{adopt, change};
use crate::app::AppError;
use crate::config::Config;
use crate::db::DbError;
use crate::index::collection::{self, CollectionChange};
use crate::index::{self, IndexError, IndexRight, Patience, QdrantIndex, RebuildError, VectorIndex};
use crate::search::IndexState;
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;

/// How often a start tries to make its collection.
const ATTEMPTS: u32 = 4;

/// Wait after the first failed attempt; each one adds as much.
const WAIT: Duration = Duration::from_secs(1);

/// An index on a Qdrant server.
pub(super) struct Shared {
    pub(super) server: Arc<QdrantIndex>,
    /// Name of the collection in the database, without the server's prefix.
    name: String,
    /// What stands before it on the server.
    prefix: String,
}

/// As [`adopt`], when no other process writes vectors of another model.
pub(super) async fn adopt_together(
    pool: &PgPool,
    shared: &Shared,
    identity: Option<&str>,
    dimension: Option<usize>,
) -> Result<(), AppError> {
    if change(pool, identity).await? == CollectionChange::Same {
        return Ok(());
    }
    let _alone = IndexRight::alone(pool).await.map_err(DbError::from)?;
    let mut attempt = 1;
    loop {
        // Looks again: another process may have done it meanwhile.
        match adopt(pool, shared.server.as_ref(), identity, dimension).await {
            // A server of an earlier version removes what it does not know, right or not.
            Err(AppError::Index(error @ IndexError::Unavailable(_))) if attempt < ATTEMPTS => {
                tracing::warn!(%error, attempt, "the new collection could not be made; trying again");
                tokio::time::sleep(WAIT * attempt).await;
                attempt += 1;
            }
            adopted => return adopted,
        }
    }
}

impl Shared {
    /// `None` without a Qdrant server. Sends nothing yet.
    pub(super) fn new(
        config: &Config,
        identity: Option<&str>,
        dimension: Option<usize>,
    ) -> Result<Option<Self>, IndexError> {
        let Some(qdrant) = &config.qdrant else {
            return Ok(None);
        };
        let name = collection::name(identity);
        let prefix = format!("{}-", qdrant.collection_prefix);
        let server = QdrantIndex::new(qdrant, Patience::default(), &format!("{prefix}{name}"), dimension)?;
        Ok(Some(Self {
            server: Arc::new(server),
            name,
            prefix,
        }))
    }

    /// A collection's name on the server.
    pub(super) fn on_server(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Whether another process uses another embedding by now.
    pub(super) async fn is_superseded(&self, pool: &PgPool) -> Result<bool, sqlx::Error> {
        let in_use = collection::in_use(pool).await?;
        Ok(in_use.is_none_or(|(name, _)| name != self.name))
    }

    /// Removes the collections of earlier embeddings from the server, but `former`. Under a right, so that no process
    /// makes a new one meanwhile, and never for a process that is superseded: it takes its successor for an earlier one.
    pub(super) async fn remove_others(&self, pool: &PgPool, former: Option<String>) -> Result<(), String> {
        let right = IndexRight::shared_now(pool).await;
        let Some(_right) = right.map_err(|error| error.to_string())? else {
            tracing::debug!("earlier collections are removed later: another process rebuilds the index");
            return Ok(());
        };
        if self
            .is_superseded(pool)
            .await
            .map_err(|error| error.to_string())?
        {
            return Ok(());
        }
        let kept = former.map(|name| self.on_server(&name));
        let prefix = self.on_server(collection::PREFIX);
        let removed = self.server.remove_others(&prefix, kept.as_deref()).await;
        removed.map(drop).map_err(|error| error.to_string())
    }

    /// The state of the index as a process sees it that only reads.
    pub(super) async fn observed(&self, pool: &PgPool) -> Result<IndexState, sqlx::Error> {
        if self.is_superseded(pool).await? {
            return Ok(IndexState::Unavailable(
                "no worker with the same embedding settings has built the index".to_owned(),
            ));
        }
        let missing = matches!(self.server.exists().await, Ok(false));
        Ok(if missing || index::is_being_rebuilt(pool).await? {
            IndexState::Rebuilding
        } else {
            IndexState::Ready
        })
    }

    /// Makes the collection where it is missing; whether it lacks points.
    pub(super) async fn is_behind(&self, pool: &PgPool) -> Result<bool, RebuildError> {
        if self.is_superseded(pool).await? {
            let reason = "another process uses another embedding: start all with the same settings";
            return Err(IndexError::Unavailable(reason.to_owned()).into());
        }
        let missing = self.server.ensure().await?;
        Ok(missing || index::needs_rebuild(pool, self.server.stats().await?).await?)
    }
}

//! The index of a former embedding, opened to answer until its successor is complete.

use super::IndexService;
use super::shared::Shared;
use crate::app::Foundation;
use crate::app::embedder;
use crate::clock::SharedClock;
use crate::config::{Config, Role};
use crate::index::collection::{self, FormerCollection};
use crate::index::{EdgeIndex, EmbeddingError, Former, IndexError, Patience, QdrantIndex, VectorIndex};
use sqlx::PgPool;
use std::sync::{Arc, Mutex, PoisonError};

/// What a former index is opened with.
pub(super) struct FormerSource {
    config: Config,
    clock: SharedClock,
    /// The index in use, where it is in files.
    in_files: Option<Arc<EdgeIndex>>,
    /// The collection that was opened or given up: it is not opened again, as it may miss what was deleted since.
    settled: Mutex<Option<String>>,
}

/// What became of an attempt to open it.
enum Attempt {
    Open(Former),
    /// The server or the embedding service is away, and may come back.
    Away(String),
    /// It does not exist, or nobody can embed for it any more.
    Lost(String),
}

impl FormerSource {
    pub(super) fn new(config: &Config, foundation: &Foundation, in_files: Option<Arc<EdgeIndex>>) -> Self {
        Self {
            config: config.clone(),
            clock: foundation.clock.clone(),
            in_files,
            settled: Mutex::new(None),
        }
    }

    fn is_settled(&self, name: &str) -> bool {
        let settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        settled.as_deref() == Some(name)
    }

    fn settle(&self, name: Option<String>) {
        *self.settled.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    async fn open(&self, collection: &FormerCollection, shared: Option<&Shared>) -> Attempt {
        let embedder = match embedder::former(&self.config, collection, &self.clock).await {
            Ok(Some(embedder)) => embedder,
            Ok(None) => return Attempt::Lost("its settings name another model by now".to_owned()),
            Err(EmbeddingError::Unavailable(reason)) => return Attempt::Away(reason),
            Err(error) => return Attempt::Lost(error.to_string()),
        };
        let index = match shared {
            Some(shared) => match self.on_server(collection, shared).await {
                Err(IndexError::Unavailable(reason)) => return Attempt::Away(reason),
                opened => opened,
            },
            // Files do not come back by themselves.
            None => self.beside(collection).await,
        };
        match index {
            Ok(Some(index)) => Attempt::Open(Former { index, embedder }),
            Ok(None) => Attempt::Lost("its collection does not exist".to_owned()),
            Err(error) => Attempt::Lost(error.to_string()),
        }
    }

    async fn on_server(
        &self,
        collection: &FormerCollection,
        shared: &Shared,
    ) -> Result<Option<Arc<dyn VectorIndex>>, IndexError> {
        let Some(qdrant) = &self.config.qdrant else {
            return Ok(None);
        };
        let name = shared.on_server(&collection.name);
        let index = QdrantIndex::new(qdrant, Patience::default(), &name, Some(collection.dimension))?;
        Ok(index.exists().await?.then(|| Arc::new(index) as _))
    }

    async fn beside(
        &self,
        collection: &FormerCollection,
    ) -> Result<Option<Arc<dyn VectorIndex>>, IndexError> {
        let Some(successor) = self.in_files.clone() else {
            return Ok(None);
        };
        let (name, dimension) = (collection.name.clone(), collection.dimension);
        let beside = tokio::task::spawn_blocking(move || successor.open_beside(&name, dimension))
            .await
            .map_err(|error| IndexError::Unavailable(error.to_string()))??;
        Ok(beside.map(|index| Arc::new(index) as _))
    }
}

impl IndexService {
    /// Opens the former index that the database names, or ends the one that it names no more; returns whether one ended.
    /// One that is away is tried again at the next call. One that is lost is forgotten: it would miss what is deleted
    /// from now on.
    pub(super) async fn follow_former(&self, pool: &PgPool) -> Result<bool, sqlx::Error> {
        let Some(collection) = collection::former(pool).await? else {
            self.former.settle(None);
            return Ok(self.index.end());
        };
        if self.former.is_settled(&collection.name) {
            return Ok(false);
        }
        if let Some(shared) = &self.shared
            && shared.is_superseded(pool).await?
        {
            return Ok(false);
        }
        match self.former.open(&collection, self.shared.as_ref()).await {
            Attempt::Open(former) => {
                tracing::info!(
                    former = collection.identity,
                    "the index of the former embedding answers until all documents are embedded anew"
                );
                self.index.follow(former);
            }
            Attempt::Away(reason) => {
                tracing::warn!(
                    reason,
                    "the index of the former embedding cannot be opened yet; trying again"
                );
                self.index.await_former();
                return Ok(false);
            }
            Attempt::Lost(reason) => {
                tracing::warn!(
                    reason,
                    "the index of the former embedding is lost: until documents are embedded anew, they are found by \
                     keyword only"
                );
                self.index.end();
                if self.former.config.server.role != Role::Api {
                    collection::forget_former(pool).await?;
                }
            }
        }
        self.former.settle(Some(collection.name));
        Ok(false)
    }
}

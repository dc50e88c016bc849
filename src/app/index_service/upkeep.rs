//! The index in the course of time: rebuilt, kept up, left to other processes, succeeded.

use super::IndexService;
use crate::index::{self, IndexRight, RebuildError, VectorIndex, collection};
use crate::search::IndexState;
use sqlx::PgPool;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time between two rounds of upkeep.
const UPKEEP_INTERVAL: Duration = Duration::from_mins(10);

/// How often it is looked whether the index is still there.
const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// Longest wait between two attempts at a rebuild on a server that is away.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What the embedded index adds to the name of a damaged directory that it moves aside.
const DAMAGED: &str = ".damaged";

impl IndexService {
    pub(super) async fn rebuild(&self, pool: &PgPool) -> Result<(), RebuildError> {
        let report = |done: u64, total: u64| tracing::info!(done, total, "rebuilding the index");
        index::rebuild(pool, self.index.as_ref(), self.dimension, &self.sparse, &report).await?;
        if let Err(error) = self.index.maintain().await {
            tracing::warn!(%error, "upkeep of the index failed");
        }
        Ok(())
    }

    /// Rebuilds the index; one that is shared only when it lacks points, and when nobody else writes.
    async fn make_ready(&self, pool: &PgPool) -> Result<(), RebuildError> {
        self.index.set_filled(false);
        match &self.shared {
            None => self.rebuild(pool).await?,
            Some(shared) if shared.is_behind(pool).await? => {
                let _alone = IndexRight::alone(pool).await?;
                // Another process may have filled it meanwhile.
                if shared.is_behind(pool).await? {
                    self.rebuild(pool).await?;
                }
            }
            Some(_) => {}
        }
        self.index.set_filled(true);
        self.forget_earlier(pool).await;
        // Another process may have begun a succession before this one was started anew.
        self.tell_succession(pool).await;
        Ok(())
    }

    /// Removes the collections of earlier embeddings, but the one that still answers.
    pub(super) async fn forget_earlier(&self, pool: &PgPool) {
        let former = match collection::former(pool).await {
            Ok(former) => former.map(|former| former.name),
            Err(error) => return tracing::warn!(%error, "the former index is unknown"),
        };
        let removed = if let Some(shared) = &self.shared {
            shared.remove_others(pool, former).await
        } else {
            let own = self.embedder.as_ref().map(|embedder| embedder.identity());
            let kept: Vec<String> = former.into_iter().chain([collection::name(own)]).collect();
            let removed = remove_directories(&self.directory, &kept).await;
            removed.map_err(|error| error.to_string())
        };
        if let Err(error) = removed {
            tracing::warn!(error, "an earlier embedding's collection could not be removed");
        }
    }

    /// Ends the succession when it is complete, or when another process found it so; opens the former index of one that
    /// another process began; tells searches what to expect.
    async fn attend_succession(&self, pool: &PgPool, decides: bool) -> Result<(), sqlx::Error> {
        let mut succeeded = false;
        if decides && collection::former(pool).await?.is_some() {
            succeeded = collection::is_succeeded(pool).await?;
            if succeeded {
                collection::forget_former(pool).await?;
            }
        }
        if self.follow_former(pool).await? {
            tracing::info!("all documents are embedded anew: the former index answers no more");
        }
        if succeeded && self.shared.is_some() {
            self.forget_earlier(pool).await;
        }
        let note = if self.index.is_under_way() {
            Some(
                "the embedding model has changed: until all documents are embedded anew, those that are new are \
                 found by keyword only",
            )
        } else if self.embedder.is_some() && !collection::is_succeeded(pool).await? {
            Some("documents are being embedded anew, so results by meaning may be missing")
        } else {
            None
        };
        self.readiness.set_note(note);
        Ok(())
    }

    pub(super) async fn tell_succession(&self, pool: &PgPool) {
        if let Err(error) = self.attend_succession(pool, false).await {
            tracing::warn!(%error, "the progress of embedding is unknown");
        }
    }

    /// Rebuilds when that is due, again and again until it worked; `false` when `shutdown` came first.
    pub(in crate::app) async fn rebuild_until_ready(
        &self,
        pool: &PgPool,
        shutdown: &CancellationToken,
    ) -> bool {
        let mut wait = Duration::from_secs(1);
        let longest = if self.shared.is_some() {
            LONGEST_WAIT
        } else {
            UPKEEP_INTERVAL
        };
        while self.readiness.get() != IndexState::Ready {
            let rebuilt = tokio::select! {
                () = shutdown.cancelled() => return false,
                rebuilt = self.make_ready(pool) => rebuilt,
            };
            match rebuilt {
                Ok(()) => self.readiness.set(IndexState::Ready),
                Err(error) => {
                    tracing::error!(%error, "the index could not be rebuilt; trying again");
                    tokio::select! {
                        () = shutdown.cancelled() => return false,
                        () = tokio::time::sleep(wait) => wait = (wait * 2).min(longest),
                    }
                }
            }
        }
        true
    }

    /// The right to write beside other processes; `None` where there are none.
    pub(in crate::app) async fn right_to_write(
        &self,
        pool: &PgPool,
    ) -> Option<Result<IndexRight, sqlx::Error>> {
        self.shared.as_ref()?;
        let right = IndexRight::shared(pool).await;
        if right.is_err() {
            self.readiness.set(IndexState::Rebuilding);
        }
        Some(right)
    }

    /// Keeps the index up until `shutdown`, or until it must be rebuilt or left to another process: then the state says
    /// so.
    pub(in crate::app) async fn keep_up(
        &self,
        pool: &PgPool,
        right: &mut Option<IndexRight>,
        shutdown: &CancellationToken,
    ) {
        let mut since_upkeep = Duration::ZERO;
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => since_upkeep += LOOK_INTERVAL,
            }
            if let Err(error) = self.attend_succession(pool, true).await {
                tracing::warn!(%error, "the progress of embedding is unknown");
            }
            let upkeep = since_upkeep >= UPKEEP_INTERVAL;
            if upkeep {
                since_upkeep = Duration::ZERO;
                self.forget_earlier(pool).await;
                if let Err(error) = self.index.maintain().await {
                    tracing::warn!(%error, "upkeep of the index failed");
                }
            }
            if let Some(reason) = self.reason_to_stop(pool, right.as_mut(), upkeep).await {
                tracing::warn!(reason, "writing to the index stops until it is rebuilt");
                self.readiness.set(IndexState::Rebuilding);
                return;
            }
        }
    }

    /// Why writing must end; `thorough` also counts.
    async fn reason_to_stop(
        &self,
        pool: &PgPool,
        right: Option<&mut IndexRight>,
        thorough: bool,
    ) -> Option<String> {
        let Some(shared) = &self.shared else {
            return self.index.stats().await.err().map(|error| error.to_string());
        };
        if let Some(right) = right {
            match right.is_wanted().await {
                Ok(false) => {}
                Ok(true) => return Some("another process rebuilds it".to_owned()),
                Err(error) => return Some(format!("the database was lost: {error}")),
            }
        }
        match shared.server.exists().await {
            Ok(true) => {}
            Ok(false) => return Some("its collection is gone".to_owned()),
            // What is to be written is tried again until the server is back.
            Err(error) => {
                tracing::warn!(%error, "the Qdrant server is away");
                return None;
            }
        }
        let behind = thorough && shared.is_behind(pool).await.is_ok_and(|behind| behind);
        behind.then(|| "it lacks passages".to_owned())
    }

    /// A process that only reads: tells again and again what others make of the index; never ends.
    pub(in crate::app) async fn observe(&self, pool: &PgPool) {
        loop {
            tokio::time::sleep(LOOK_INTERVAL).await;
            let Some(shared) = &self.shared else { continue };
            match shared.observed(pool).await {
                Ok(state) => {
                    self.index.set_filled(state == IndexState::Ready);
                    self.readiness.set(state);
                }
                Err(error) => tracing::warn!(%error, "the state of the index is unknown"),
            }
            self.tell_succession(pool).await;
        }
    }
}

/// Removes what earlier embeddings left on the disk, but the collections of `spared`.
async fn remove_directories(directory: &Path, spared: &[String]) -> std::io::Result<()> {
    let mut entries = tokio::fs::read_dir(directory).await?;
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        // A damaged one that was moved aside has its name with an extension.
        let collection = name.strip_suffix(DAMAGED).unwrap_or(&name);
        let is_spared = spared.iter().any(|spared| spared == collection);
        if !is_spared && entry.file_type().await?.is_dir() {
            tokio::fs::remove_dir_all(entry.path()).await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_collection_whose_name_only_begins_like_a_spared_one_goes() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "chunks-v2-x-38",
            "chunks-v2-x-38.damaged",
            "chunks-v2-x-384",
            "chunks-v2-x-384.damaged",
        ] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::fs::write(dir.path().join("index.lock"), "").unwrap();
        remove_directories(dir.path(), &["chunks-v2-x-38".to_owned()])
            .await
            .unwrap();
        let entries = std::fs::read_dir(dir.path()).unwrap();
        let mut left: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["chunks-v2-x-38", "chunks-v2-x-38.damaged", "index.lock"]);
    }
}

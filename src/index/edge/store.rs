//! The engine's files: opened, reloaded, recreated.
//!
//! Rules of `qdrant-edge` 0.7.2 that this file keeps, found by measurement and in its source:
//! - its log is never replayed and never truncated: old parts are removed here. They stay mapped until the shard is closed,
//!   so their blocks are given back first;
//! - the newest part of the log must stay: it numbers the operations, and an operation numbered below a point's
//!   version is silently ignored;
//! - `flush`, also from `drop`, panics when anybody else writes: only the writer's thread flushes, and panics are caught.

use super::convert;
use crate::index::IndexError;
pub(super) use crate::index::schema::{ACCESS, DENSE, DOCUMENT, SPARSE};
use nix::fcntl::{FallocateFlags, fallocate};
use qdrant_edge::external::serde_json::{self, json};
use qdrant_edge::{
    CreateIndex, Distance, EdgeConfig, EdgeOptimizersConfig, EdgeShard, EdgeSparseVectorParams,
    EdgeVectorParams, FieldIndexOperations, Modifier, PayloadFieldSchema, UpdateOperation, WalOptions,
};
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

/// Size of a log part, which is mapped as a whole.
const LOG_PART_BYTES: usize = 8 * 1024 * 1024;

/// Vectors, in KiB, from which a segment gets a graph: about 170,000 of 384 dimensions. Below, the exact scan of what
/// the tenant filter leaves takes milliseconds, and building the graph would take minutes and a gigabyte.
const GRAPH_THRESHOLD_KIB: usize = 256 * 1024;

/// One collection's shard behind a lock of our own.
#[derive(Debug)]
pub(super) struct Store {
    dir: PathBuf,
    config: EdgeConfig,
    /// `None` only while it is reloaded, or after a reload failed.
    shard: RwLock<Option<EdgeShard>>,
    /// Held while the store lives: the engine's files allow one process.
    lock: Arc<File>,
}

impl Store {
    /// Opens or creates the collection; also tells whether it is empty because it was missing or damaged.
    pub(super) fn open(
        parent: &Path,
        name: &str,
        dimension: Option<usize>,
    ) -> Result<(Self, bool), IndexError> {
        let dir = parent.join(name);
        fs::create_dir_all(parent).map_err(|error| disk(&error))?;
        let lock = File::create(parent.join("index.lock")).map_err(|error| disk(&error))?;
        lock.try_lock()
            .map_err(|_| IndexError::Unavailable("another process has the index open".to_owned()))?;
        let config = config(dimension);
        let (shard, needs_rebuild) = if dir.exists() {
            match load(&dir, &config) {
                Ok(shard) => (shard, false),
                Err(error) => {
                    tracing::warn!(%error, "the vector index is damaged; it is moved aside and will be rebuilt");
                    move_aside(&dir).map_err(|error| disk(&error))?;
                    (create(&dir, &config)?, true)
                }
            }
        } else {
            (create(&dir, &config)?, true)
        };
        Ok((
            Self {
                dir,
                config,
                shard: RwLock::new(Some(shard)),
                lock: Arc::new(lock),
            },
            needs_rebuild,
        ))
    }

    /// Opens another collection in the same directory, if it is there and sound.
    pub(super) fn open_beside(&self, name: &str, dimension: usize) -> Result<Option<Self>, IndexError> {
        let dir = self.dir.with_file_name(name);
        if !dir.exists() {
            return Ok(None);
        }
        let config = config(Some(dimension));
        Ok(Some(Self {
            shard: RwLock::new(Some(load(&dir, &config)?)),
            dir,
            config,
            lock: Arc::clone(&self.lock),
        }))
    }

    /// Works with the shard; a panic of the engine becomes an error.
    pub(super) fn with<R>(
        &self,
        work: impl FnOnce(&EdgeShard) -> Result<R, IndexError>,
    ) -> Result<R, IndexError> {
        let guard = self.shard.read().unwrap_or_else(PoisonError::into_inner);
        let Some(shard) = guard.as_ref() else {
            return Err(IndexError::Unavailable("it could not be opened again".to_owned()));
        };
        guarded(|| work(shard))
    }

    /// Whether the files are where they were opened: unlinked ones go on answering until they are needed again.
    pub(super) fn check_presence(&self) -> Result<(), IndexError> {
        if self.dir.join("segments").is_dir() {
            Ok(())
        } else {
            Err(IndexError::Unavailable("its directory is gone".to_owned()))
        }
    }

    /// Makes everything written so far durable.
    pub(super) fn flush(&self) -> Result<(), IndexError> {
        self.with(|shard| {
            shard.flush();
            Ok(())
        })
    }

    /// Closes the shard and loads it again; searches wait for that moment.
    pub(super) fn reload(&self) -> Result<(), IndexError> {
        let mut guard = self.shard.write().unwrap_or_else(PoisonError::into_inner);
        close(guard.take());
        *guard = Some(load(&self.dir, &self.config)?);
        Ok(())
    }

    /// Replaces the shard with an empty one.
    pub(super) fn recreate(&self) -> Result<(), IndexError> {
        let mut guard = self.shard.write().unwrap_or_else(PoisonError::into_inner);
        close(guard.take());
        match fs::remove_dir_all(&self.dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(disk(&error)),
            _ => {}
        }
        *guard = Some(create(&self.dir, &self.config)?);
        Ok(())
    }

    /// Removes old parts of the log. Nobody reads them any more, and searches go on: opening the files anew would hold them
    /// up for seconds.
    pub(super) fn remove_old_log(&self) -> Result<(), IndexError> {
        remove_old_log(&self.dir).map_err(|error| disk(&error))
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        close(
            self.shard
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
    }
}

fn config(dimension: Option<usize>) -> EdgeConfig {
    let dense = dimension.map(|size| {
        (
            DENSE.to_owned(),
            EdgeVectorParams::builder(size, Distance::Cosine)
                .on_disk(true)
                .build(),
        )
    });
    let sparse = EdgeSparseVectorParams {
        full_scan_threshold: None,
        on_disk: Some(true),
        modifier: Some(Modifier::Idf),
        datatype: None,
    };
    EdgeConfig {
        on_disk_payload: true,
        vectors: dense.into_iter().collect(),
        sparse_vectors: [(SPARSE.to_owned(), sparse)].into(),
        optimizers: EdgeOptimizersConfig {
            indexing_threshold: Some(GRAPH_THRESHOLD_KIB),
            ..Default::default()
        },
        wal_options: Some(WalOptions {
            segment_capacity: LOG_PART_BYTES,
            ..WalOptions::default()
        }),
        ..EdgeConfig::default()
    }
}

fn create(dir: &Path, config: &EdgeConfig) -> Result<EdgeShard, IndexError> {
    fs::create_dir_all(dir).map_err(|error| disk(&error))?;
    let shard = guarded(|| EdgeShard::new(dir, config.clone()).map_err(convert::backend))?;
    let indexed = guarded(|| {
        for key in [ACCESS, DOCUMENT] {
            let schema = json!({ "type": "integer", "lookup": true, "range": false });
            let schema: PayloadFieldSchema =
                serde_json::from_value(schema).map_err(|error| IndexError::Backend(error.to_string()))?;
            let index = CreateIndex {
                field_name: convert::path(key)?,
                field_schema: Some(schema),
            };
            let operation = UpdateOperation::FieldIndexOperation(FieldIndexOperations::CreateIndex(index));
            shard.update(operation).map_err(convert::backend)?;
        }
        shard.flush();
        Ok(())
    });
    match indexed {
        Ok(()) => Ok(shard),
        Err(error) => {
            close(Some(shard));
            Err(error)
        }
    }
}

fn load(dir: &Path, config: &EdgeConfig) -> Result<EdgeShard, IndexError> {
    let parts = closed_log_parts(dir).map_err(|error| disk(&error))?;
    let open = fs::read_dir(dir.join("wal"))
        .map_err(|error| disk(&error))?
        .count()
        > parts.len();
    let segments = fs::read_dir(dir.join("segments"))
        .map_err(|error| disk(&error))?
        .count();
    if segments == 0 || (!open && parts.is_empty()) {
        return Err(IndexError::Unavailable("its files are incomplete".to_owned()));
    }
    remove_old_log(dir).map_err(|error| disk(&error))?;
    guarded(|| EdgeShard::load(dir, Some(config.clone())).map_err(convert::backend))
}

/// Closed log parts by the number of their first operation.
fn closed_log_parts(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(dir.join("wal"))? {
        let entry = entry?;
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.strip_prefix("closed-")?.parse().ok());
        parts.extend(number.map(|number| (number, entry.path())));
    }
    Ok(parts)
}

/// Removes all closed parts but the newest.
fn remove_old_log(dir: &Path) -> io::Result<()> {
    let mut parts = closed_log_parts(dir)?;
    parts.sort_unstable();
    parts.pop();
    for (_, path) in parts {
        let part = File::options().write(true).open(&path)?;
        let length = i64::try_from(part.metadata()?.len()).unwrap_or(i64::MAX);
        let hole = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
        if let Err(error) = fallocate(&part, hole, 0, length.max(1)) {
            tracing::debug!(%error, "the space of a log part is free after the next start only");
        }
        fs::remove_file(path)?;
    }
    Ok(())
}

fn move_aside(dir: &Path) -> io::Result<()> {
    let aside = dir.with_extension("damaged");
    match fs::remove_dir_all(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(dir, aside)
}

/// Closing flushes, and the engine panics when that fails.
fn close(shard: Option<EdgeShard>) {
    if catch_unwind(AssertUnwindSafe(|| drop(shard))).is_err() {
        tracing::error!("the vector index could not be flushed when it was closed");
    }
}

fn guarded<R>(work: impl FnOnce() -> Result<R, IndexError>) -> Result<R, IndexError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(IndexError::Backend(
            "the engine failed on this operation".to_owned(),
        ))
    })
}

fn disk(error: &io::Error) -> IndexError {
    IndexError::Unavailable(format!("the index directory cannot be used: {error}"))
}

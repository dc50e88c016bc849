//! The one thread that changes the index.

use super::convert;
use super::store::{ACCESS, DENSE, DOCUMENT, Store};
use crate::ids::{AccessSetId, ChunkId, DocumentId};
use crate::index::{IndexError, Point};
use qdrant_edge::external::serde_json::json;
use qdrant_edge::{
    EdgeShard, Filter, Payload, PayloadOps, PointInsertOperations, PointOperations, PointStructPersisted,
    PointVectorsPersisted, SetPayloadOp, UpdateOperation, UpdateVectorsOp, VectorOperations, VectorPersisted,
    VectorStructPersisted, WithPayloadInterface, WithVector,
};
use std::collections::BTreeMap;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// Points per engine operation: a log record must fit a log part.
const OPERATION_POINTS: usize = 256;

/// Requests that share a flush.
const GROUP: usize = 64;

/// A change of the index.
#[derive(Debug)]
pub(super) enum Command {
    Upsert(Vec<Point>),
    SetDense(Vec<(ChunkId, Vec<f32>)>),
    SetAccess(Vec<(DocumentId, AccessSetId)>),
    Delete(Vec<ChunkId>),
    Clear,
    Maintain,
}

struct Request {
    command: Command,
    reply: oneshot::Sender<Result<(), IndexError>>,
}

/// Handle of the writer's thread; dropping it waits until the writes at hand are done.
#[derive(Debug)]
pub(super) struct Writer {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(store: Arc<Store>, dimension: Option<usize>) -> Result<Self, IndexError> {
        let (requests, queue) = channel();
        let thread = thread::Builder::new()
            .name("index-writer".to_owned())
            .spawn(move || run(&store, dimension, &queue))
            .map_err(|error| IndexError::Unavailable(format!("no thread can be started: {error}")))?;
        Ok(Self {
            requests: Some(requests),
            thread: Some(thread),
        })
    }

    /// Has a command carried out; when this returns, it is durable.
    pub(super) async fn ask(&self, command: Command) -> Result<(), IndexError> {
        let stopped = || IndexError::Unavailable("the index writer has stopped".to_owned());
        let (reply, answer) = oneshot::channel();
        let queue = self.requests.as_ref().ok_or_else(stopped)?;
        queue.send(Request { command, reply }).map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the index writer had failed");
        }
    }
}

fn run(store: &Store, dimension: Option<usize>, queue: &Receiver<Request>) {
    while let Ok(first) = queue.recv() {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = queue.try_recv()
        {
            group.push(next);
        }
        let mut done = Vec::with_capacity(group.len());
        for Request { command, reply } in group {
            done.push((apply(store, dimension, command), reply));
        }
        let flushed = store.flush();
        // After a failure the engine refuses further writes to the part concerned until it is loaded again.
        let engine_failed = flushed.is_err() || done.iter().any(|(result, _)| result.is_err());
        if engine_failed && let Err(error) = store.reload() {
            tracing::error!(%error, "the vector index could not be opened again");
        }
        for (result, reply) in done {
            let result = match (&flushed, result) {
                (Err(error), Ok(())) => Err(IndexError::Backend(format!("not flushed: {error}"))),
                (_, result) => result,
            };
            if reply.send(result).is_err() {
                tracing::debug!("nobody waits for this index write any more");
            }
        }
    }
}

fn apply(store: &Store, dimension: Option<usize>, command: Command) -> Result<(), IndexError> {
    match command {
        Command::Upsert(points) => {
            let points = points
                .into_iter()
                .map(|point| convert::point(point, dimension))
                .collect::<Result<Vec<_>, _>>()?;
            store.with(|shard| upsert(shard, points))
        }
        Command::SetDense(vectors) => match dimension {
            Some(dimension) => set_dense(store, dimension, &vectors),
            None => Ok(()),
        },
        Command::SetAccess(changes) => set_access(store, &changes),
        Command::Delete(chunks) => {
            let ids = chunks
                .into_iter()
                .map(convert::point_id)
                .collect::<Result<Vec<_>, _>>()?;
            store.with(|shard| {
                update(
                    shard,
                    UpdateOperation::PointOperation(PointOperations::DeletePoints { ids }),
                )
            })
        }
        Command::Clear => store.recreate(),
        Command::Maintain => {
            store.with(|shard| shard.optimize().map_err(convert::backend))?;
            store.flush()?;
            store.remove_old_log()
        }
    }
}

fn upsert(shard: &EdgeShard, mut points: Vec<PointStructPersisted>) -> Result<(), IndexError> {
    while !points.is_empty() {
        let rest = points.split_off(points.len().min(OPERATION_POINTS));
        let insert = PointInsertOperations::PointsList(std::mem::replace(&mut points, rest));
        update(
            shard,
            UpdateOperation::PointOperation(PointOperations::UpsertPoints(insert)),
        )?;
    }
    Ok(())
}

fn set_dense(store: &Store, dimension: usize, vectors: &[(ChunkId, Vec<f32>)]) -> Result<(), IndexError> {
    for (_, vector) in vectors {
        convert::check_length(vector, dimension)?;
    }
    store.with(|shard| {
        for part in vectors.chunks(OPERATION_POINTS) {
            let ids = part
                .iter()
                .map(|(chunk, _)| convert::point_id(*chunk))
                .collect::<Result<Vec<_>, _>>()?;
            // The engine refuses the whole operation when one point is gone.
            let (no_payload, no_vector) = (WithPayloadInterface::Bool(false), WithVector::Bool(false));
            let present = shard
                .retrieve(&ids, Some(no_payload), Some(no_vector))
                .map_err(convert::backend)?;
            let present: HashSet<_> = present.into_iter().map(|record| record.id).collect();
            let points = ids
                .into_iter()
                .zip(part)
                .filter(|(id, _)| present.contains(id))
                .map(|(id, (_, vector))| {
                    let named = [(DENSE.to_owned(), VectorPersisted::Dense(vector.clone()))];
                    PointVectorsPersisted {
                        id,
                        vector: VectorStructPersisted::Named(named.into()),
                    }
                });
            let operation = UpdateVectorsOp {
                points: points.collect(),
                update_filter: None,
            };
            if !operation.points.is_empty() {
                update(
                    shard,
                    UpdateOperation::VectorOperation(VectorOperations::UpdateVectors(operation)),
                )?;
            }
        }
        Ok(())
    })
}

fn set_access(store: &Store, changes: &[(DocumentId, AccessSetId)]) -> Result<(), IndexError> {
    // The last change of a document wins, as if they had come one by one.
    let latest: BTreeMap<DocumentId, AccessSetId> = changes.iter().copied().collect();
    let mut by_set: BTreeMap<AccessSetId, Vec<i64>> = BTreeMap::new();
    for (document, set) in latest {
        by_set.entry(set).or_default().push(document.0);
    }
    store.with(|shard| {
        for (set, documents) in by_set {
            let condition = convert::any_of(DOCUMENT, documents.into_iter())?;
            let filter = Filter {
                must: Some(vec![condition]),
                ..Filter::new()
            };
            let payload = Payload([(ACCESS.to_owned(), json!(set.0))].into_iter().collect());
            let operation = SetPayloadOp {
                payload,
                points: None,
                filter: Some(filter),
                key: None,
            };
            update(
                shard,
                UpdateOperation::PayloadOperation(PayloadOps::SetPayload(operation)),
            )?;
        }
        Ok(())
    })
}

fn update(shard: &EdgeShard, operation: UpdateOperation) -> Result<(), IndexError> {
    shard.update(operation).map_err(convert::backend)
}

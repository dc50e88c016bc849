//! A cross-encoder run in this process.

use super::{RerankError, Reranker};
use crate::index::onnx::{BertModel, ModelDirectory, ModelSource, OnnxError};
use ::rten::ThreadPool;
use async_trait::async_trait;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use tokio::sync::Semaphore;

/// Pairs per pass: between passes it is looked whether anybody still waits.
const BATCH: usize = 8;

/// A cross-encoder, loaded at the first use. One call runs at a time: the calls would only wait for each other's
/// processor.
pub(super) struct LocalReranker {
    name: String,
    model: Arc<LazyModel>,
    turn: Arc<Semaphore>,
}

struct LazyModel {
    source: ModelSource,
    pool: Arc<ThreadPool>,
    loaded: OnceLock<Result<BertModel, OnnxError>>,
}

/// Set when the one who asked has gone.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl From<OnnxError> for RerankError {
    fn from(error: OnnxError) -> Self {
        match error {
            OnnxError::Model(text) => Self::Unusable(text),
            OnnxError::Inference(text) => Self::Answer(text),
        }
    }
}

impl LocalReranker {
    /// The cross-encoder in `directory`, on `threads` threads.
    pub(super) fn load(directory: &Path, threads: usize) -> Result<Self, RerankError> {
        let directory = ModelDirectory::read(directory)?;
        let name = directory.name();
        let source = ModelSource::Directory(directory);
        let pool = Arc::new(ThreadPool::with_num_threads(threads.max(1)));
        Ok(Self {
            name,
            model: Arc::new(LazyModel {
                source,
                pool,
                loaded: OnceLock::new(),
            }),
            turn: Arc::new(Semaphore::new(1)),
        })
    }
}

impl LazyModel {
    fn score(&self, query: &str, passages: &[String], gone: &AtomicBool) -> Result<Vec<f32>, RerankError> {
        let load = || BertModel::load(&self.source, &["logits"]);
        let model = self.loaded.get_or_init(load).as_ref().map_err(Clone::clone)?;
        let mut scores = Vec::with_capacity(passages.len());
        for batch in passages.chunks(BATCH) {
            if gone.load(Ordering::Relaxed) {
                return Err(RerankError::Timeout);
            }
            let pairs = batch
                .iter()
                .map(|passage| model.encode_pair(query, passage))
                .collect::<Result<Vec<_>, _>>()?;
            let output = model.run(&pairs, &self.pool)?;
            // One number per pair, or one per class with relevance last.
            let classes = match output.shape[..] {
                [rows] if rows == batch.len() => 1,
                [rows, classes @ (1 | 2)] if rows == batch.len() => classes,
                _ => {
                    return Err(RerankError::Unusable(format!(
                        "RERANK_MODEL_DIR holds no cross-encoder: its output has the shape {:?}",
                        output.shape
                    )));
                }
            };
            scores.extend(output.values.chunks_exact(classes).filter_map(|row| match row {
                [score] => Some(*score),
                [against, score] => Some(score - against),
                _ => None,
            }));
        }
        Ok(scores)
    }
}

#[async_trait]
impl Reranker for LocalReranker {
    async fn scores(&self, query: &str, passages: &[String]) -> Result<Vec<f32>, RerankError> {
        let closed = |_| RerankError::Unavailable("it is closing".to_owned());
        let turn = Arc::clone(&self.turn).acquire_owned().await.map_err(closed)?;
        let gone = Arc::new(AtomicBool::new(false));
        let _guard = Gone(Arc::clone(&gone));
        let (model, query, passages) = (Arc::clone(&self.model), query.to_owned(), passages.to_vec());
        let work = tokio::task::spawn_blocking(move || {
            let score = || model.score(&query, &passages, &gone);
            let scores = catch_unwind(AssertUnwindSafe(score))
                .unwrap_or_else(|_| Err(RerankError::Answer("the model failed on this input".to_owned())));
            drop(turn);
            scores
        });
        work.await
            .map_err(|error| RerankError::Unavailable(error.to_string()))?
    }

    fn model(&self) -> Option<&str> {
        Some(&self.name)
    }
}

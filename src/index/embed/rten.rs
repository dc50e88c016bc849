//! A BERT-family model run in this process with `rten`, on threads of its own.

use super::inference::{Inference, ModelSource};
use super::{Embedder, EmbeddingError, Priority};
use crate::index::model as built_in;
use ::rten::ThreadPool;
use async_trait::async_trait;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use tokio::sync::oneshot;

/// Word pieces per forward pass: enough to keep the matrix units busy, few enough that memory stays small.
const BATCH_TOKENS: usize = 1_024;

/// Word pieces that models read when their files do not say so.
const DEFAULT_MAX_TOKENS: usize = 256;

/// A batch and where its vectors go.
struct Job {
    texts: Vec<String>,
    reply: oneshot::Sender<Result<Vec<Vec<f32>>, EmbeddingError>>,
}

/// Runs the built-in or another ONNX model. `threads` threads serve indexing, one more serves searches, so that a query
/// never waits behind a batch; the model is loaded at the first use.
#[derive(Debug)]
pub struct RtenEmbedder {
    identity: String,
    dimension: usize,
    max_tokens: usize,
    background: Sender<Job>,
    interactive: Sender<Job>,
}

/// The part of a model's `config.json` that matters here.
#[derive(Deserialize)]
struct ModelConfig {
    hidden_size: usize,
}

/// The part of sentence-transformers' `sentence_bert_config.json` that matters here.
#[derive(Deserialize)]
struct SentenceConfig {
    max_seq_length: usize,
}

impl RtenEmbedder {
    /// The model that is part of the binary.
    pub fn built_in(threads: usize) -> Result<Self, EmbeddingError> {
        Self::start(
            ModelSource::BuiltIn,
            built_in::IDENTITY.to_owned(),
            built_in::DIMENSION,
            built_in::MAX_TOKENS,
            threads,
        )
    }

    /// A model directory with `model.onnx`, `tokenizer.json` and `config.json`; `sentence_bert_config.json` may tell how
    /// many word pieces it reads (256 if absent). The identity carries the model file's hash.
    pub fn load(dir: &Path, threads: usize) -> Result<Self, EmbeddingError> {
        let unusable = |what: &str, error: &dyn std::fmt::Display| {
            EmbeddingError::Model(format!("{what} in EMBEDDING_MODEL_DIR: {error}"))
        };
        let config =
            std::fs::read(dir.join("config.json")).map_err(|error| unusable("config.json", &error))?;
        let config: ModelConfig =
            serde_json::from_slice(&config).map_err(|error| unusable("config.json", &error))?;
        let max_tokens = std::fs::read(dir.join("sentence_bert_config.json"))
            .ok()
            .and_then(|bytes| serde_json::from_slice::<SentenceConfig>(&bytes).ok())
            .map_or(DEFAULT_MAX_TOKENS, |config| config.max_seq_length);
        let mut file = File::open(dir.join("model.onnx")).map_err(|error| unusable("model.onnx", &error))?;
        let mut hash = HashWriter(Sha256::new());
        io::copy(&mut file, &mut hash).map_err(|error| unusable("model.onnx", &error))?;
        let hash = hex::encode(&hash.0.finalize()[..4]);
        let name = dir
            .file_name()
            .map_or_else(|| "model".into(), |name| name.to_string_lossy());
        let identity = format!("{name}-{hash}@{}", config.hidden_size);
        let source = ModelSource::Directory {
            dir: dir.to_owned(),
            max_tokens,
        };
        Self::start(source, identity, config.hidden_size, max_tokens, threads)
    }

    /// Word pieces that the model reads; for [`crate::index::Chunker::new`].
    pub fn max_tokens(&self) -> usize {
        self.max_tokens
    }

    fn start(
        source: ModelSource,
        identity: String,
        dimension: usize,
        max_tokens: usize,
        threads: usize,
    ) -> Result<Self, EmbeddingError> {
        let (background, background_jobs) = channel();
        let (interactive, interactive_jobs) = channel();
        let model = Arc::new(LazyModel {
            source,
            dimension,
            loaded: OnceLock::new(),
        });
        let background_jobs = Arc::new(Mutex::new(background_jobs));
        let interactive_jobs = Arc::new(Mutex::new(interactive_jobs));
        for number in 0..threads.max(1) {
            spawn(
                format!("embed-{number}"),
                Arc::clone(&model),
                Arc::clone(&background_jobs),
            )?;
        }
        spawn("embed-query".to_owned(), model, interactive_jobs)?;
        Ok(Self {
            identity,
            dimension,
            max_tokens,
            background,
            interactive,
        })
    }

    /// Ranges of similar length, each within [`BATCH_TOKENS`] with padding; the numbers are places in `texts`.
    fn batches(&self, texts: &[String]) -> Vec<Vec<usize>> {
        // English has about four bytes per word piece; a wrong guess costs padding, nothing else.
        let tokens = |at: usize| (texts[at].len() / 4 + 2).min(self.max_tokens);
        let mut order: Vec<usize> = (0..texts.len()).collect();
        order.sort_by_key(|at| texts[*at].len());
        let mut batches: Vec<Vec<usize>> = Vec::new();
        for at in order {
            match batches.last_mut() {
                Some(batch) if (batch.len() + 1) * tokens(at) <= BATCH_TOKENS => batch.push(at),
                _ => batches.push(vec![at]),
            }
        }
        batches
    }
}

#[async_trait]
impl Embedder for RtenEmbedder {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    async fn embed(
        &self,
        mut texts: Vec<String>,
        priority: Priority,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let queue = match priority {
            Priority::Background => &self.background,
            Priority::Interactive => &self.interactive,
        };
        let stopped = || EmbeddingError::Inference("the embedding threads have stopped".to_owned());
        let mut vectors = vec![Vec::new(); texts.len()];
        let mut replies = Vec::new();
        for batch in self.batches(&texts) {
            let (reply, answer) = oneshot::channel();
            let texts = batch.iter().map(|at| std::mem::take(&mut texts[*at])).collect();
            queue.send(Job { texts, reply }).map_err(|_| stopped())?;
            replies.push((batch, answer));
        }
        for (batch, answer) in replies {
            for (at, vector) in batch.into_iter().zip(answer.await.map_err(|_| stopped())??) {
                vectors[at] = vector;
            }
        }
        Ok(vectors)
    }
}

/// Loaded by the thread that needs it first; the others wait.
struct LazyModel {
    source: ModelSource,
    dimension: usize,
    loaded: OnceLock<Result<Inference, String>>,
}

impl LazyModel {
    fn get(&self) -> Result<&Inference, EmbeddingError> {
        let load = || Inference::load(&self.source, self.dimension).map_err(|error| error.to_string());
        self.loaded
            .get_or_init(load)
            .as_ref()
            .map_err(|error| EmbeddingError::Model(error.clone()))
    }
}

/// A thread that serves a queue until the embedder is dropped. Passes run on one thread each: several small passes side
/// by side need no waiting for each other, unlike one pass spread over the cores.
fn spawn(name: String, model: Arc<LazyModel>, jobs: Arc<Mutex<Receiver<Job>>>) -> Result<(), EmbeddingError> {
    let serve = move || {
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        loop {
            // The guard must end with this statement: the next thread waits for it.
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { break };
            if job.reply.is_closed() {
                continue;
            }
            let work = || model.get()?.run(&job.texts, &pool);
            let result = catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
                Err(EmbeddingError::Inference(
                    "the model failed on this input".to_owned(),
                ))
            });
            if job.reply.send(result).is_err() {
                tracing::debug!("nobody waits for an embedding any more");
            }
        }
    };
    thread::Builder::new()
        .name(name)
        .spawn(serve)
        .map(drop)
        .map_err(|error| EmbeddingError::Model(format!("no thread can be started: {error}")))
}

/// Feeds a file to a hash.
struct HashWriter(Sha256);

impl io::Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;

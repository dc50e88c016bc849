//! A BERT-family model run in this process with `rten`, on threads of its own.

use super::inference::Inference;
use super::{Embedder, EmbeddingError, Prefixes, Priority};
use crate::index::model as built_in;
use crate::index::onnx::{ModelDirectory, ModelSource, Pooling};
use ::rten::ThreadPool;
use async_trait::async_trait;
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
    prefixes: Prefixes,
    background: Sender<Job>,
    interactive: Sender<Job>,
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

    /// A model directory as sentence-transformers lays it out: `model.onnx` (or `onnx/model.onnx`), `tokenizer.json` and
    /// `config.json`; pooling, length and prompts as its further files say. The identity carries the model file's hash.
    pub fn load(dir: &Path, threads: usize) -> Result<Self, EmbeddingError> {
        let directory = ModelDirectory::read(dir)?;
        let unusable = |error: io::Error| EmbeddingError::Model(format!("model.onnx: {error}"));
        let mut file = File::open(directory.onnx_file()).map_err(unusable)?;
        let mut hash = HashWriter(Sha256::new());
        io::copy(&mut file, &mut hash).map_err(unusable)?;
        let hash = hex::encode(&hash.0.finalize()[..4]);
        let pooling = match directory.pooling() {
            Pooling::Mean => "",
            Pooling::Cls => "-cls",
            Pooling::Max => "-max",
        };
        let (dimension, max_tokens) = (directory.hidden_size(), directory.max_tokens());
        let identity = format!("{}-{hash}{pooling}@{dimension}", directory.name());
        let known = Prefixes::of_model(&directory.name());
        let prompt = |names: &[&str], known: String| directory.prompt(names).map_or(known, str::to_owned);
        let prefixes = Prefixes {
            query: prompt(&["query"], known.query),
            passage: prompt(&["passage", "document"], known.passage),
        };
        let source = ModelSource::Directory(directory);
        let mut embedder = Self::start(source, identity, dimension, max_tokens, threads)?;
        embedder.prefixes = prefixes;
        Ok(embedder)
    }

    /// What the model's makers put before texts; this embedder does not, see [`super::Prefixed`].
    pub fn prefixes(&self) -> &Prefixes {
        &self.prefixes
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
            prefixes: Prefixes::default(),
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

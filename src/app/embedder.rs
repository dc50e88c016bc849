//! The configured embedder with a chunker that fits it, and the former embedder.

use super::stored_embedding::StoredEmbedding;
use crate::clock::SharedClock;
use crate::config::{Config, EmbeddingConfig, EmbeddingProvider, EmbeddingService};
use crate::index::collection::FormerCollection;
use crate::index::{Chunker, Embedder, EmbeddingError, Prefixed, Prefixes, RemoteEmbedder, RtenEmbedder};
use std::path::Path;
use std::sync::Arc;
use tokenizers::Tokenizer;

/// Who makes dense vectors, if anybody, and what cuts texts to fit.
pub(super) type Embedding = (Option<Arc<dyn Embedder>>, Arc<Chunker>);

/// The configured embedder and a chunker that fits it. A model of this process is loaded at its first use; a service is
/// asked for one vector, and `known`, the identity in use, tells its dimension while it is away.
pub(super) async fn embedder(
    config: &Config,
    known: Option<&str>,
    clock: &SharedClock,
) -> Result<Embedding, EmbeddingError> {
    let settings = &config.embedding;
    let Some(model) = model(settings, known, clock).await? else {
        return Ok((None, Arc::new(built_in()?)));
    };
    let chunker = match (&settings.provider, model.max_tokens) {
        (EmbeddingProvider::Embedded { model_dir: Some(dir) }, Some(max_tokens)) => {
            chunker_of(dir, max_tokens)?
        }
        // The tokenizer of a service is unknown. The built-in one splits finer than those of larger vocabularies, and
        // its budget is below what services read.
        _ => built_in()?,
    };
    let embedder = Prefixed::wrap(model.embedder, chosen(settings, model.prefixes));
    Ok((Some(embedder), Arc::new(chunker)))
}

/// The embedder that made the vectors of `collection`, to embed queries for it; `None` when what is there now under the
/// same settings is another model.
///
/// # Errors
/// [`EmbeddingError::Unavailable`] when its service may come back; others last.
pub(super) async fn former(
    config: &Config,
    collection: &FormerCollection,
    clock: &SharedClock,
) -> Result<Option<Arc<dyn Embedder>>, EmbeddingError> {
    // The passage prefix matters for passages.
    let identity = collection.identity.split_once('+');
    let identity = identity.map_or(collection.identity.as_str(), |(plain, _)| plain);
    let stored = collection.settings.clone().map(StoredEmbedding::read).transpose();
    let stored =
        stored.map_err(|error| EmbeddingError::Model(format!("its settings cannot be read: {error}")))?;
    let settings = stored.unwrap_or_default().configured(&config.embedding);
    let model = model(&settings, Some(identity), clock).await?;
    Ok(model
        .filter(|model| model.embedder.identity() == identity)
        .map(|model| {
            let query_only = Prefixes {
                passage: String::new(),
                ..chosen(&settings, model.prefixes)
            };
            Prefixed::wrap(model.embedder, query_only)
        }))
}

/// A model as its makers left it.
struct Model {
    embedder: Arc<dyn Embedder>,
    /// What its makers say.
    prefixes: Prefixes,
    /// Word pieces that it reads, where that is known.
    max_tokens: Option<usize>,
}

async fn model(
    settings: &EmbeddingConfig,
    known: Option<&str>,
    clock: &SharedClock,
) -> Result<Option<Model>, EmbeddingError> {
    let EmbeddingConfig {
        threads, concurrency, ..
    } = *settings;
    let of_service = |embedder, service: &EmbeddingService| Model {
        embedder: Arc::new(embedder),
        prefixes: Prefixes::of_model(&service.model),
        max_tokens: None,
    };
    Ok(Some(match &settings.provider {
        EmbeddingProvider::None => return Ok(None),
        EmbeddingProvider::Embedded { model_dir } => {
            let embedder = match model_dir {
                Some(directory) => RtenEmbedder::load(directory, threads)?,
                None => RtenEmbedder::built_in(threads)?,
            };
            Model {
                prefixes: embedder.prefixes().clone(),
                max_tokens: Some(embedder.max_tokens()),
                embedder: Arc::new(embedder),
            }
        }
        EmbeddingProvider::Ollama(service) => of_service(
            RemoteEmbedder::ollama(service, concurrency, known, clock.clone()).await?,
            service,
        ),
        EmbeddingProvider::OpenAi(service) => of_service(
            RemoteEmbedder::open_ai(service, concurrency, known, clock.clone()).await?,
            service,
        ),
    }))
}

/// What is configured stands above what the model's makers say.
fn chosen(settings: &EmbeddingConfig, known: Prefixes) -> Prefixes {
    Prefixes {
        query: settings.query_prefix.clone().unwrap_or(known.query),
        passage: settings.passage_prefix.clone().unwrap_or(known.passage),
    }
}

fn built_in() -> Result<Chunker, EmbeddingError> {
    Chunker::built_in().map_err(|error| EmbeddingError::Model(error.to_string()))
}

fn chunker_of(directory: &Path, max_tokens: usize) -> Result<Chunker, EmbeddingError> {
    let unusable = |error: &dyn std::fmt::Display| EmbeddingError::Model(format!("tokenizer.json: {error}"));
    let tokenizer =
        Tokenizer::from_file(directory.join("tokenizer.json")).map_err(|error| unusable(&error))?;
    Chunker::new(tokenizer, max_tokens).map_err(|error| unusable(&error))
}

//! The configured embedder, and a chunker that fits it.

use crate::clock::SharedClock;
use crate::config::{Config, EmbeddingConfig, EmbeddingProvider, EmbeddingService};
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
    let threads = settings.threads;
    let (embedder, prefixes, chunker): (Arc<dyn Embedder>, _, _) = match &settings.provider {
        EmbeddingProvider::None => return Ok((None, Arc::new(built_in()?))),
        EmbeddingProvider::Embedded { model_dir: None } => {
            let embedder = RtenEmbedder::built_in(threads)?;
            (Arc::new(embedder), Prefixes::default(), built_in()?)
        }
        EmbeddingProvider::Embedded {
            model_dir: Some(directory),
        } => {
            let embedder = RtenEmbedder::load(directory, threads)?;
            let prefixes = embedder.prefixes().clone();
            let chunker = chunker_of(directory, embedder.max_tokens())?;
            (Arc::new(embedder), prefixes, chunker)
        }
        // The tokenizer of a service is unknown. The built-in one splits finer than those of larger vocabularies, and
        // its budget is below what services read.
        EmbeddingProvider::Ollama(service) => {
            let embedder =
                RemoteEmbedder::ollama(service, settings.concurrency, known, clock.clone()).await?;
            (
                Arc::new(embedder),
                Prefixes::of_model(&service.model),
                built_in()?,
            )
        }
        EmbeddingProvider::OpenAi(service) => {
            let embedder =
                RemoteEmbedder::open_ai(service, settings.concurrency, known, clock.clone()).await?;
            (
                Arc::new(embedder),
                Prefixes::of_model(&service.model),
                built_in()?,
            )
        }
    };
    let embedder = Prefixed::wrap(embedder, chosen(settings, prefixes));
    Ok((Some(embedder), Arc::new(chunker)))
}

/// Who embedded under `identity`, as far as it can still be made: the built-in model, or another model of the service that
/// is configured; else `None`. Serves queries only.
///
/// # Errors
/// [`EmbeddingError::Unavailable`] when the service may come back; others last.
pub(super) async fn of_identity(
    config: &Config,
    identity: &str,
    clock: &SharedClock,
) -> Result<Option<Arc<dyn Embedder>>, EmbeddingError> {
    // The passage prefix matters for passages.
    let plain = identity.split_once('+').map_or(identity, |(plain, _)| plain);
    let (embedder, prefixes): (Arc<dyn Embedder>, _) =
        match (&config.embedding.provider, plain.split_once('-')) {
            (EmbeddingProvider::Ollama(service), Some(("ollama", model))) => {
                let service = former_model(service, model);
                let embedder = RemoteEmbedder::ollama(&service, 1, Some(plain), clock.clone()).await?;
                (Arc::new(embedder), Prefixes::of_model(&service.model))
            }
            (EmbeddingProvider::OpenAi(service), Some(("openai", model))) => {
                let service = former_model(service, model);
                let embedder = RemoteEmbedder::open_ai(&service, 1, Some(plain), clock.clone()).await?;
                (Arc::new(embedder), Prefixes::of_model(&service.model))
            }
            _ => (Arc::new(RtenEmbedder::built_in(1)?), Prefixes::default()),
        };
    if embedder.identity() != plain {
        return Ok(None);
    }
    let query_only = Prefixes {
        passage: String::new(),
        ..prefixes
    };
    Ok(Some(Prefixed::wrap(embedder, query_only)))
}

/// The service with the model that an identity without its provider's name (`model-digest@dimension`) tells.
fn former_model(service: &EmbeddingService, identity: &str) -> EmbeddingService {
    let model = identity.rsplit_once('@').map_or(identity, |(model, _)| model);
    let is_digest = |text: &str| text.len() == 8 && text.chars().all(|c| c.is_ascii_hexdigit());
    let model = match model.rsplit_once('-') {
        Some((model, digest)) if is_digest(digest) => model,
        _ => model,
    };
    EmbeddingService {
        model: model.to_owned(),
        ..service.clone()
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    #[test]
    fn the_former_model_is_read_from_its_identity() {
        let service = EmbeddingService {
            url: Url::parse("http://localhost:11434").unwrap(),
            model: "new".to_owned(),
            api_key: None,
        };
        let model = |identity| former_model(&service, identity).model;
        assert_eq!(model("nomic-embed-text-0a109f42@768"), "nomic-embed-text");
        assert_eq!(model("text-embedding-3-small@1536"), "text-embedding-3-small");
        assert_eq!(model("bge-m3:567m-79076463@1024"), "bge-m3:567m");
    }
}

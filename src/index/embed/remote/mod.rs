//! An embedding service outside this process: Ollama, or any that speaks `OpenAI`'s protocol.

mod protocol;
mod turns;

use super::{Embedder, EmbeddingError, Priority, unit_length};
use crate::clock::SharedClock;
use crate::config::EmbeddingService;
use crate::model_api::{ModelApi, ModelApiError, Retries};
use async_trait::async_trait;
use futures::{StreamExt, TryStreamExt, stream};
use protocol::Protocol;
use std::time::Duration;
use turns::Turns;

/// Texts of one request.
const BATCH_TEXTS: usize = 32;
/// Bytes of one request's texts, so that a slow machine answers in time.
const BATCH_BYTES: usize = 16_000;
/// Longest text, in bytes. Passages are cut far below it by the built-in tokenizer; this bounds what that one counts
/// wrongly, and pasted queries.
const TEXT_BYTES: usize = 6_000;
/// Batches of one call that are sent at one time, as far as there are places.
const BATCHES_AT_ONCE: usize = 4;
/// Longest that indexing waits for searches to end.
const LONGEST_YIELD: Duration = Duration::from_secs(2);
/// Embedded at the start to learn the dimension.
const PROBE: &str = "What is the dimension of this vector?";

/// For a search: a person waits.
const SEARCH: Retries = Retries {
    timeout: Duration::from_secs(10),
    attempts: 2,
    first_wait: Duration::from_millis(200),
    longest_wait: Duration::from_secs(1),
};
/// For indexing, and for the first request: a model may have to be loaded.
const INDEXING: Retries = Retries {
    timeout: Duration::from_mins(2),
    attempts: 5,
    first_wait: Duration::from_secs(1),
    longest_wait: Duration::from_secs(30),
};

/// An embedding service.
pub struct RemoteEmbedder {
    protocol: Protocol,
    api: ModelApi,
    model: String,
    identity: String,
    dimension: usize,
    turns: Turns,
    batches: Batches,
}

/// How requests are cut and repeated; tests have shorter waits.
#[derive(Debug, Clone, Copy)]
struct Batches {
    search: Retries,
    indexing: Retries,
}

const BATCHES: Batches = Batches {
    search: SEARCH,
    indexing: INDEXING,
};

impl std::fmt::Debug for RemoteEmbedder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteEmbedder")
            .field("identity", &self.identity)
            .field("api", &self.api)
            .finish_non_exhaustive()
    }
}

impl RemoteEmbedder {
    /// Ollama. Asks for one vector to learn the dimension; while the service is away, `known`, the identity in use,
    /// tells it, if it is of the same model. `concurrency`: requests of indexing at one time.
    ///
    /// # Errors
    /// [`EmbeddingError::Model`] when the model is not there or the key is refused: the text names the next step.
    /// [`EmbeddingError::Unavailable`] when the service is away and was never met.
    pub async fn ollama(
        service: &EmbeddingService,
        concurrency: usize,
        known: Option<&str>,
        clock: SharedClock,
    ) -> Result<Self, EmbeddingError> {
        Self::connect(Protocol::Ollama, service, concurrency, known, clock, BATCHES).await
    }

    /// A service of `OpenAI`'s protocol, as [`RemoteEmbedder::ollama`].
    ///
    /// # Errors
    /// As [`RemoteEmbedder::ollama`].
    pub async fn open_ai(
        service: &EmbeddingService,
        concurrency: usize,
        known: Option<&str>,
        clock: SharedClock,
    ) -> Result<Self, EmbeddingError> {
        Self::connect(Protocol::OpenAi, service, concurrency, known, clock, BATCHES).await
    }

    async fn connect(
        protocol: Protocol,
        service: &EmbeddingService,
        concurrency: usize,
        known: Option<&str>,
        clock: SharedClock,
        batches: Batches,
    ) -> Result<Self, EmbeddingError> {
        let api = ModelApi::new(&service.url, service.api_key.as_ref(), clock)
            .map_err(|error| explained(protocol, &service.url, &service.model, &error))?;
        let stem = format!("{}-{}", protocol.name(), service.model);
        let met = meet(protocol, &api, &service.model, batches.search).await;
        let (identity, dimension) = match met {
            Ok((version, dimension)) => {
                let version = version.map_or_else(String::new, |version| format!("-{version}"));
                (format!("{stem}{version}@{dimension}"), dimension)
            }
            Err(error) => match known.and_then(|known| remembered(known, &stem)) {
                Some(remembered) if error.is_transient() => {
                    tracing::warn!(%error, "the embedding service is away; its last model and dimension are assumed");
                    remembered
                }
                _ => return Err(explained(protocol, &service.url, &service.model, &error)),
            },
        };
        Ok(Self {
            protocol,
            api,
            model: service.model.clone(),
            identity,
            dimension,
            turns: Turns::new(concurrency, LONGEST_YIELD),
            batches,
        })
    }

    async fn embed_batch(
        &self,
        texts: &[String],
        priority: Priority,
    ) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let answer = match priority {
            Priority::Interactive => {
                let _turn = self.turns.search().await;
                self.protocol
                    .embed(&self.api, &self.model, texts, self.batches.search)
                    .await
            }
            Priority::Background => {
                let _turn = self.turns.indexing().await;
                self.protocol
                    .embed(&self.api, &self.model, texts, self.batches.indexing)
                    .await
            }
        };
        let vectors =
            answer.map_err(|error| explained(self.protocol, self.api.base(), &self.model, &error))?;
        vectors.into_iter().map(|vector| self.checked(vector)).collect()
    }

    /// The vector with length 1; refuses one of another model, and none at all.
    fn checked(&self, mut vector: Vec<f32>) -> Result<Vec<f32>, EmbeddingError> {
        if vector.len() != self.dimension {
            return Err(EmbeddingError::Model(format!(
                "{} answers vectors of {} numbers instead of {}: restart the server, and all documents are embedded \
                 anew",
                self.model,
                vector.len(),
                self.dimension
            )));
        }
        if vector.iter().any(|value| !value.is_finite()) {
            return Err(EmbeddingError::Inference(
                "the service answered a vector that holds no numbers".to_owned(),
            ));
        }
        unit_length(&mut vector);
        Ok(vector)
    }
}

/// The first request to a service: the model's version and dimension.
async fn meet(
    protocol: Protocol,
    api: &ModelApi,
    model: &str,
    retries: Retries,
) -> Result<(Option<String>, usize), ModelApiError> {
    let version = protocol.version(api, model, retries).await?;
    // The model may have to be loaded first.
    let patient = Retries {
        timeout: INDEXING.timeout,
        ..retries
    };
    let vectors = protocol.embed(api, model, &[PROBE.to_owned()], patient).await?;
    match vectors.first().map(Vec::len) {
        Some(dimension) if dimension > 0 => Ok((version, dimension)),
        _ => Err(ModelApiError::Answer("an empty vector".to_owned())),
    }
}

/// Identity and dimension out of an identity of the same model.
fn remembered(known: &str, stem: &str) -> Option<(String, usize)> {
    let rest = known.strip_prefix(stem)?;
    let (version, dimension) = rest.split_once('@')?;
    if !(version.is_empty() || version.starts_with('-')) {
        return None;
    }
    let digits = dimension
        .find(|c: char| !c.is_ascii_digit())
        .map_or(dimension, |end| &dimension[..end]);
    Some((format!("{stem}{version}@{digits}"), digits.parse().ok()?))
}

/// An error with its next step.
fn explained(protocol: Protocol, base: &url::Url, model: &str, error: &ModelApiError) -> EmbeddingError {
    let (url, key) = match protocol {
        Protocol::Ollama => ("OLLAMA_BASE_URL", "OLLAMA_API_KEY"),
        Protocol::OpenAi => ("OPENAI_BASE_URL", "OPENAI_API_KEY"),
    };
    match (error, protocol) {
        (ModelApiError::Unreachable(_) | ModelApiError::Timeout | ModelApiError::Overloaded(_), _) => {
            EmbeddingError::Unavailable(format!("{url} {base}: {error}"))
        }
        (ModelApiError::NotFound, Protocol::Ollama) => {
            EmbeddingError::Model(format!("model {model} is not pulled: ollama pull {model}"))
        }
        (ModelApiError::NotFound, Protocol::OpenAi) => EmbeddingError::Model(format!(
            "{url} {base} knows no model {model} at /embeddings: check OPENAI_EMBEDDING_MODEL, and that the URL ends \
             in /v1"
        )),
        (ModelApiError::KeyRefused(_), _) => EmbeddingError::Model(format!("{error}: check {key}")),
        (ModelApiError::Unusable(_), _) => EmbeddingError::Model(error.to_string()),
        (ModelApiError::Refused(_) | ModelApiError::Answer(_), _) => {
            EmbeddingError::Inference(format!("{url} {base}: {error}"))
        }
    }
}

/// Ranges of `texts` that go into one request each.
fn batches(texts: &[String]) -> Vec<std::ops::Range<usize>> {
    let mut batches: Vec<std::ops::Range<usize>> = Vec::new();
    let mut bytes = 0;
    for (at, text) in texts.iter().enumerate() {
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH_TEXTS && bytes + text.len() <= BATCH_BYTES => {
                batch.end = at + 1;
                bytes += text.len();
            }
            _ => {
                batches.push(at..at + 1);
                bytes = text.len();
            }
        }
    }
    batches
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(TEXT_BYTES));
    text
}

#[async_trait]
impl Embedder for RemoteEmbedder {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    async fn embed(&self, texts: Vec<String>, priority: Priority) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        let texts: Vec<String> = texts.into_iter().map(cut).collect();
        let requests = batches(&texts)
            .into_iter()
            .map(|range| self.embed_batch(&texts[range], priority));
        let vectors: Vec<Vec<Vec<f32>>> = stream::iter(requests)
            .buffered(BATCHES_AT_ONCE)
            .try_collect()
            .await?;
        Ok(vectors.into_iter().flatten().collect())
    }
}

#[cfg(test)]
mod tests;

//! What Ollama and services of `OpenAI`'s protocol are asked.

use crate::model_api::{ModelApi, ModelApiError, Retries};
use serde::Deserialize;
use serde_json::json;

/// Hexadecimal digits of a model's digest that go into its identity.
const DIGEST_DIGITS: usize = 8;

/// How a service is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocol {
    /// <https://docs.ollama.com/api/embed>
    Ollama,
    /// <https://platform.openai.com/docs/api-reference/embeddings>
    OpenAi,
}

#[derive(Deserialize)]
struct OllamaModels {
    models: Vec<OllamaModel>,
}

#[derive(Deserialize)]
struct OllamaModel {
    name: String,
    #[serde(default)]
    digest: String,
}

#[derive(Deserialize)]
struct OllamaVectors {
    embeddings: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct OpenAiVectors {
    data: Vec<OpenAiVector>,
}

#[derive(Deserialize)]
struct OpenAiVector {
    index: usize,
    embedding: Vec<f32>,
}

impl Protocol {
    /// As the identity names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
        }
    }

    /// What tells two models of one name apart; `None` where the service does not say. A model that Ollama does not
    /// have is [`ModelApiError::NotFound`].
    pub(super) async fn version(
        self,
        api: &ModelApi,
        model: &str,
        retries: Retries,
    ) -> Result<Option<String>, ModelApiError> {
        if self == Self::OpenAi {
            return Ok(None);
        }
        let listed: OllamaModels = match api.get("/api/tags", retries).await {
            // Something that only speaks the rest of the protocol.
            Err(ModelApiError::NotFound | ModelApiError::Answer(_)) => return Ok(None),
            listed => listed?,
        };
        let found = listed
            .models
            .into_iter()
            .find(|listed| listed.name == model || listed.name.strip_suffix(":latest") == Some(model));
        let digest = found.ok_or(ModelApiError::NotFound)?.digest;
        let digest = digest.strip_prefix("sha256:").unwrap_or(&digest);
        Ok(digest.get(..DIGEST_DIGITS).map(str::to_owned))
    }

    /// One vector per text, in order, as the service makes them.
    pub(super) async fn embed(
        self,
        api: &ModelApi,
        model: &str,
        texts: &[String],
        retries: Retries,
    ) -> Result<Vec<Vec<f32>>, ModelApiError> {
        let vectors = match self {
            Self::Ollama => {
                let body = json!({ "model": model, "input": texts, "truncate": true });
                let answer: OllamaVectors = api.post("/api/embed", &body, retries).await?;
                answer.embeddings
            }
            Self::OpenAi => {
                let body = json!({ "model": model, "input": texts, "encoding_format": "float" });
                let mut answer: OpenAiVectors = api.post("/embeddings", &body, retries).await?;
                answer.data.sort_by_key(|vector| vector.index);
                if answer
                    .data
                    .iter()
                    .enumerate()
                    .any(|(at, vector)| vector.index != at)
                {
                    return Err(ModelApiError::Answer("vectors are missing or double".to_owned()));
                }
                answer.data.into_iter().map(|vector| vector.embedding).collect()
            }
        };
        if vectors.len() == texts.len() {
            Ok(vectors)
        } else {
            Err(ModelApiError::Answer(format!(
                "{} vectors for {} texts",
                vectors.len(),
                texts.len()
            )))
        }
    }
}

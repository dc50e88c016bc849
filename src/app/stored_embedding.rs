//! How the embedding of a collection is made, kept beside the collection: when the configuration names another one, the
//! former must still embed queries.

use crate::config::{EmbeddingConfig, EmbeddingProvider, EmbeddingService};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::PathBuf;
use url::Url;

/// Settings of an embedding without its secrets. The default is the built-in model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct StoredEmbedding {
    #[serde(flatten)]
    provider: Provider,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    query_prefix: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "provider", rename_all = "lowercase")]
enum Provider {
    Embedded {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model_dir: Option<PathBuf>,
    },
    Ollama(Service),
    OpenAi(Service),
}

impl Default for Provider {
    fn default() -> Self {
        Self::Embedded { model_dir: None }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Service {
    url: String,
    model: String,
}

impl Service {
    fn of(service: &EmbeddingService) -> Self {
        Self {
            url: service.url.to_string(),
            model: service.model.clone(),
        }
    }

    /// `present`: what is configured for the same protocol. A key is sent to the address alone that it is configured for.
    fn configured(self, present: Option<&EmbeddingService>) -> Option<EmbeddingService> {
        let url = Url::parse(&self.url).ok()?;
        let present = present.filter(|present| present.url == url);
        Some(EmbeddingService {
            url,
            model: self.model,
            api_key: present.and_then(|present| present.api_key.clone()),
        })
    }
}

impl StoredEmbedding {
    /// What is to be kept of the configured embedding; `None` when there is none.
    pub(super) fn of(config: &EmbeddingConfig) -> Option<Self> {
        let provider = match &config.provider {
            EmbeddingProvider::None => return None,
            EmbeddingProvider::Embedded { model_dir } => Provider::Embedded {
                model_dir: model_dir.clone(),
            },
            EmbeddingProvider::Ollama(service) => Provider::Ollama(Service::of(service)),
            EmbeddingProvider::OpenAi(service) => Provider::OpenAi(Service::of(service)),
        };
        Some(Self {
            provider,
            query_prefix: config.query_prefix.clone(),
        })
    }

    /// Reads what [`StoredEmbedding::to_value`] wrote.
    pub(super) fn read(value: Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(value)
    }

    /// For the database.
    pub(super) fn to_value(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    /// The settings to make the embedder with, for queries alone, beside those of the `present` one.
    pub(super) fn configured(self, present: &EmbeddingConfig) -> EmbeddingConfig {
        let provider = match self.provider {
            Provider::Embedded { model_dir } => Some(EmbeddingProvider::Embedded { model_dir }),
            Provider::Ollama(service) => service
                .configured(present.ollama.as_ref())
                .map(EmbeddingProvider::Ollama),
            Provider::OpenAi(service) => service
                .configured(present.open_ai.as_ref())
                .map(EmbeddingProvider::OpenAi),
        };
        EmbeddingConfig {
            provider: provider.unwrap_or(EmbeddingProvider::None),
            threads: 1,
            concurrency: 1,
            query_prefix: self.query_prefix,
            passage_prefix: None,
            ollama: None,
            open_ai: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::{ExposeSecret as _, SecretString};

    const FORMER: &str = "https://a.example/v1";

    fn service(url: &str, key: &str) -> EmbeddingService {
        EmbeddingService {
            url: Url::parse(url).unwrap(),
            model: "m".to_owned(),
            api_key: Some(SecretString::from(key)),
        }
    }

    fn config(provider: EmbeddingProvider, open_ai: Option<EmbeddingService>) -> EmbeddingConfig {
        EmbeddingConfig {
            provider,
            threads: 3,
            concurrency: 2,
            query_prefix: Some("q: ".to_owned()),
            passage_prefix: Some("p: ".to_owned()),
            ollama: None,
            open_ai,
        }
    }

    /// The key sent to the former service of `OpenAI`'s protocol beside the present configuration.
    fn key_beside(present: &EmbeddingConfig) -> Option<String> {
        let former = config(EmbeddingProvider::OpenAi(service(FORMER, "secret")), None);
        let stored = StoredEmbedding::of(&former).unwrap().to_value().unwrap();
        assert!(!stored.to_string().contains("secret"));
        let again = StoredEmbedding::read(stored).unwrap().configured(present);
        assert_eq!(again.query_prefix.as_deref(), Some("q: "));
        let EmbeddingProvider::OpenAi(service) = again.provider else {
            panic!("{:?}", again.provider)
        };
        assert_eq!((service.url.as_str(), service.model.as_str()), (FORMER, "m"));
        service.api_key.map(|key| key.expose_secret().to_owned())
    }

    #[test]
    fn a_key_goes_to_its_own_address_only() {
        let own = service(FORMER, "configured");
        let other = service("https://b.example/v1", "of another");
        let open_ai = |service: &EmbeddingService| {
            config(EmbeddingProvider::OpenAi(service.clone()), Some(service.clone()))
        };
        let built_in = |left| config(EmbeddingProvider::Embedded { model_dir: None }, left);
        let key = Some("configured".to_owned());
        assert_eq!(key_beside(&open_ai(&own)), key, "another model of it");
        assert_eq!(key_beside(&open_ai(&other)), None, "another service's key");
        assert_eq!(key_beside(&built_in(Some(own))), key, "left for it");
        assert_eq!(key_beside(&built_in(Some(other))), None, "not left for it");
        assert_eq!(key_beside(&built_in(None)), None);
    }

    #[test]
    fn what_is_stored_reads_as_it_was() {
        let directory = EmbeddingProvider::Embedded {
            model_dir: Some("/models/e5".into()),
        };
        let stored = StoredEmbedding::of(&config(directory, None)).unwrap();
        let value = stored.to_value().unwrap();
        assert_eq!(
            value,
            serde_json::json!({"provider": "embedded", "model_dir": "/models/e5", "query_prefix": "q: "})
        );
        assert_eq!(StoredEmbedding::read(value).unwrap(), stored);
        assert_eq!(StoredEmbedding::of(&config(EmbeddingProvider::None, None)), None);
    }
}

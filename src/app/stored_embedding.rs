//! How the embedding of a collection is made, kept beside the collection: when the configuration names another one, the
//! former must still embed queries.

use crate::config::{EmbeddingConfig, EmbeddingProvider, EmbeddingService};
use secrecy::SecretString;
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

    /// `present`: the service that is configured for the same protocol. `unused_key`: a key that stayed configured
    /// although nothing present uses it.
    fn configured(
        self,
        present: Option<&EmbeddingService>,
        unused_key: Option<&SecretString>,
    ) -> Option<EmbeddingService> {
        let url = Url::parse(&self.url).ok()?;
        // A key is never shown to another service than its own.
        let api_key = match present {
            Some(present) if present.url == url => present.api_key.clone(),
            Some(_) => None,
            None => unused_key.cloned(),
        };
        Some(EmbeddingService {
            url,
            model: self.model,
            api_key,
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
            Provider::Ollama(service) => {
                let used = match &present.provider {
                    EmbeddingProvider::Ollama(used) => Some(used),
                    _ => None,
                };
                let service = service.configured(used, present.ollama_api_key.as_ref());
                service.map(EmbeddingProvider::Ollama)
            }
            Provider::OpenAi(service) => {
                let used = match &present.provider {
                    EmbeddingProvider::OpenAi(used) => Some(used),
                    _ => None,
                };
                let service = service.configured(used, present.openai_api_key.as_ref());
                service.map(EmbeddingProvider::OpenAi)
            }
        };
        EmbeddingConfig {
            provider: provider.unwrap_or(EmbeddingProvider::None),
            threads: 1,
            concurrency: 1,
            query_prefix: self.query_prefix,
            passage_prefix: None,
            ollama_api_key: None,
            openai_api_key: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    fn service(url: &str, key: Option<&str>) -> EmbeddingService {
        EmbeddingService {
            url: Url::parse(url).unwrap(),
            model: "m".to_owned(),
            api_key: key.map(SecretString::from),
        }
    }

    fn config(provider: EmbeddingProvider) -> EmbeddingConfig {
        EmbeddingConfig {
            provider,
            threads: 3,
            concurrency: 2,
            query_prefix: Some("q: ".to_owned()),
            passage_prefix: Some("p: ".to_owned()),
            ollama_api_key: None,
            openai_api_key: Some("configured".into()),
        }
    }

    /// The key sent to the former service of `OpenAI`'s protocol while `present` is configured.
    fn key_beside(present: EmbeddingProvider) -> Option<String> {
        let former = config(EmbeddingProvider::OpenAi(service(
            "https://a.example/v1",
            Some("secret"),
        )));
        let stored = StoredEmbedding::of(&former).unwrap().to_value().unwrap();
        assert!(!stored.to_string().contains("secret"));
        let again = StoredEmbedding::read(stored)
            .unwrap()
            .configured(&config(present));
        assert_eq!(again.query_prefix.as_deref(), Some("q: "));
        let EmbeddingProvider::OpenAi(service) = again.provider else {
            panic!("{:?}", again.provider)
        };
        assert_eq!(
            (service.url.as_str(), service.model.as_str()),
            ("https://a.example/v1", "m")
        );
        service.api_key.map(|key| key.expose_secret().to_owned())
    }

    #[test]
    fn a_key_goes_to_its_own_service_only() {
        let open_ai = |url| EmbeddingProvider::OpenAi(service(url, Some("configured")));
        let key = Some("configured".to_owned());
        assert_eq!(
            key_beside(open_ai("https://a.example/v1")),
            key,
            "another model of it"
        );
        assert_eq!(
            key_beside(open_ai("https://b.example/v1")),
            None,
            "another service's key"
        );
        assert_eq!(
            key_beside(EmbeddingProvider::Embedded { model_dir: None }),
            key,
            "left for it"
        );
        assert_eq!(
            key_beside(EmbeddingProvider::Ollama(service("http://c.example", None))),
            key
        );
    }

    #[test]
    fn what_is_stored_reads_as_it_was() {
        let directory = EmbeddingProvider::Embedded {
            model_dir: Some("/models/e5".into()),
        };
        let stored = StoredEmbedding::of(&config(directory)).unwrap();
        let value = stored.to_value().unwrap();
        assert_eq!(
            value,
            serde_json::json!({"provider": "embedded", "model_dir": "/models/e5", "query_prefix": "q: "})
        );
        assert_eq!(StoredEmbedding::read(value).unwrap(), stored);
        assert_eq!(StoredEmbedding::of(&config(EmbeddingProvider::None)), None);
    }
}

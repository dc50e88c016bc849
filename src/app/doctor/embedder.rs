//! Dense vectors.

use super::super::{clock, embedder::embedder};
use super::Finding;
use crate::config::{Config, EmbeddingProvider};
use crate::index::Priority;

pub(super) async fn check(config: &Config) -> Finding {
    const NAME: &str = "embedder";
    let fix = match &config.embedding.provider {
        EmbeddingProvider::None => {
            let fix = "unset EMBEDDING_PROVIDER to search by meaning too";
            return Finding::warning(NAME, "none: keyword search only", fix);
        }
        EmbeddingProvider::Embedded { .. } => "check EMBEDDING_MODEL_DIR",
        EmbeddingProvider::Ollama(_) => {
            "check OLLAMA_BASE_URL and OLLAMA_EMBEDDING_MODEL, and that Ollama runs"
        }
        EmbeddingProvider::OpenAi(_) => "check OPENAI_BASE_URL, OPENAI_EMBEDDING_MODEL and OPENAI_API_KEY",
    };
    let embedded = async {
        let embedder = embedder(config, None, &clock()).await?.0.ok_or("no embedder")?;
        let vectors = embedder
            .embed(vec!["a test".to_owned()], Priority::Interactive)
            .await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((embedder.identity().to_owned(), vectors.len()))
    };
    match embedded.await {
        Ok((identity, 1)) => Finding::ok(NAME, identity),
        Ok(_) => Finding::problem(NAME, "no vector came back", fix),
        Err(error) => Finding::problem(NAME, error.to_string(), fix),
    }
}

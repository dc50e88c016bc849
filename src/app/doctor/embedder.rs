//! Dense vectors.

use super::super::index_service;
use super::Finding;
use crate::config::{Config, EmbeddingProvider};
use crate::index::Priority;

pub(super) async fn check(config: &Config) -> Finding {
    const NAME: &str = "embedder";
    const FIX: &str = "check EMBEDDING_MODEL_DIR";
    if config.embedding.provider == EmbeddingProvider::None {
        let fix = "unset EMBEDDING_PROVIDER to search by meaning too";
        return Finding::warning(NAME, "none: keyword search only", fix);
    }
    let embedded = async {
        let embedder = index_service::embedder(config)?.0.ok_or("no embedder")?;
        let vectors = embedder
            .embed(vec!["a test".to_owned()], Priority::Interactive)
            .await?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((embedder.identity().to_owned(), vectors.len()))
    };
    match embedded.await {
        Ok((identity, 1)) => Finding::ok(NAME, identity),
        Ok(_) => Finding::problem(NAME, "no vector came back", FIX),
        Err(error) => Finding::problem(NAME, error.to_string(), FIX),
    }
}

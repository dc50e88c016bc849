//! Database, index and models: where they are and how they are asked.

use super::*;

#[test]
fn separate_roles_need_a_qdrant_server_and_a_database() {
    let worker = CliOverrides {
        role: Some(Role::Worker),
        ..CliOverrides::default()
    };
    assert_eq!(
        blamed(load_with(&SINGLE, &worker)),
        ["DATABASE_URL", "QDRANT_URL"]
    );
    let mut pairs = SINGLE.to_vec();
    pairs.push(("QDRANT_URL", "http://qdrant"));
    pairs.push(("DATABASE_URL", "postgres://u:pw@db/x"));
    let config = load_with(&pairs, &worker).unwrap();
    assert_eq!(config.server.role, Role::Worker);
    assert_eq!(config.qdrant.unwrap().url.as_str(), "http://qdrant:6334/");
}

#[test]
fn a_qdrant_server_is_named_by_its_grpc_port() {
    let qdrant = |url, key: &'static str| {
        let mut pairs = SINGLE.to_vec();
        pairs.push(("QDRANT_URL", url));
        pairs.push(("QDRANT_API_KEY", key));
        let config = load(&pairs).unwrap();
        assert!(!format!("{config:?}").contains("hidden-key"));
        (config.qdrant.unwrap().url.to_string(), config.warnings.len())
    };
    // The REST port stands in many existing setups.
    assert_eq!(
        qdrant("http://localhost:6333", ""),
        ("http://localhost:6334/".into(), 1)
    );
    assert_eq!(
        qdrant("http://localhost:7000", ""),
        ("http://localhost:7000/".into(), 0)
    );
    assert_eq!(
        qdrant("https://q.example.com", "hidden-key"),
        ("https://q.example.com:6334/".into(), 0)
    );
    assert_eq!(
        qdrant("http://q.example.com", "hidden-key"),
        ("http://q.example.com:6334/".into(), 1)
    );
    let mut pairs = SINGLE.to_vec();
    pairs.push(("QDRANT_URL", "qdrant:6334"));
    assert_eq!(blamed(load(&pairs)), ["QDRANT_URL"]);
}

#[test]
fn embedding_services_have_defaults_and_need_keys_where_they_must() {
    let embedding = |extra: &[(&'static str, &'static str)]| {
        let mut pairs = SINGLE.to_vec();
        pairs.extend_from_slice(extra);
        load(&pairs).map(|config| config.embedding)
    };
    let EmbeddingProvider::Ollama(ollama) = embedding(&[("EMBEDDING_PROVIDER", "Ollama")]).unwrap().provider
    else {
        panic!("not Ollama")
    };
    assert_eq!(
        (ollama.url.as_str(), ollama.model.as_str()),
        ("http://localhost:11434/", "nomic-embed-text")
    );
    assert_eq!(
        blamed(embedding(&[("EMBEDDING_PROVIDER", "openai")])),
        ["OPENAI_API_KEY"]
    );
    let local = [
        ("EMBEDDING_PROVIDER", "openai"),
        ("OPENAI_BASE_URL", "http://vllm:8000/v1/"),
        ("EMBEDDING_QUERY_PREFIX", "\"query: \""),
        ("EMBEDDING_PASSAGE_PREFIX", "passage: "),
    ];
    let config = embedding(&local).unwrap();
    assert_eq!(config.query_prefix.as_deref(), Some("query: "));
    assert_eq!(config.passage_prefix.as_deref(), Some("passage: "));
    assert!(matches!(config.provider, EmbeddingProvider::OpenAi(service) if service.url.path() == "/v1"));
    assert_eq!(
        blamed(embedding(&[("EMBEDDING_PROVIDER", "other")])),
        ["EMBEDDING_PROVIDER"]
    );
    let empty = tempfile::tempdir().unwrap();
    let directory = empty.path().to_str().unwrap();
    let mut pairs = SINGLE.to_vec();
    pairs.extend([
        ("EMBEDDING_MODEL_DIR", directory),
        ("RERANK_MODEL_DIR", directory),
    ]);
    assert_eq!(blamed(load(&pairs)), ["EMBEDDING_MODEL_DIR", "RERANK_MODEL_DIR"]);
}

#[test]
fn reranking_is_off_until_one_model_is_named() {
    assert!(load(&SINGLE).unwrap().rerank.is_none());
    let mut pairs = SINGLE.to_vec();
    pairs.extend([
        ("RERANK_URL", "http://tei:8080"),
        ("RERANK_API_KEY", "hidden-key"),
    ]);
    let config = load(&pairs).unwrap();
    assert!(!format!("{config:?}").contains("hidden-key"));
    let rerank = config.rerank.unwrap();
    assert_eq!((rerank.candidates, rerank.timeout), (50, Duration::from_secs(5)));
    pairs.push(("RERANK_MODEL_DIR", "/models/cross"));
    assert_eq!(blamed(load(&pairs)), ["RERANK_MODEL_DIR"]);
}

#[test]
fn database_urls_of_sqlalchemy_are_understood() {
    let mut pairs = SINGLE.to_vec();
    pairs.push(("DATABASE_URL", "postgresql+psycopg://u:pw@db/x"));
    let url = load(&pairs).unwrap().database.url.unwrap();
    assert_eq!(url.expose_secret(), "postgresql://u:pw@db/x");
    pairs.pop();
    pairs.push(("DATABASE_URL", "sqlite:///tmp/s3cret.db"));
    let errors = load(&pairs).unwrap_err();
    assert_eq!(errors.problems()[0].variable, "DATABASE_URL");
    assert!(!errors.to_string().contains("s3cret"));
}

//! Fault cases C01, T13 and T14 for the configuration as a whole.

use super::*;
use secrecy::ExposeSecret;
use std::io::Write;
use std::time::Duration;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const BASE: [(&str, &str); 2] = [
    ("NEXTCLOUD_HOST", "https://cloud.example.com/nc/"),
    ("DATA_DIR", "/data"),
];
const SINGLE: [(&str, &str); 2] = [
    ("NEXTCLOUD_USERNAME", "alice"),
    ("NEXTCLOUD_PASSWORD", "s3cret-value"),
];

fn load_with(pairs: &[(&str, &str)], cli: &CliOverrides) -> Result<Config, ConfigErrors> {
    Config::load(&Environment::from_pairs(BASE.iter().chain(pairs).copied()), cli)
}

fn load(pairs: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
    load_with(pairs, &CliOverrides::default())
}

/// The variables that have problems.
fn blamed<T>(result: Result<T, ConfigErrors>) -> Vec<String> {
    let Err(errors) = result else { panic!("no problem") };
    errors
        .problems()
        .iter()
        .map(|problem| problem.variable.clone())
        .collect()
}

#[test]
fn defaults_are_as_documented() {
    let config = load(&SINGLE).unwrap();
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8000");
    assert_eq!(config.server.public_url.as_str(), "http://localhost:8000/");
    assert_eq!(config.server.role, Role::All);
    assert_eq!(config.nextcloud.host.as_str(), "https://cloud.example.com/nc");
    assert_eq!(config.nextcloud.public_url, config.nextcloud.host);
    assert_eq!(
        (config.nextcloud.max_concurrency, config.nextcloud.timeout_seconds),
        (8, 30)
    );
    assert_eq!(
        config.telemetry.metrics_listen.unwrap().to_string(),
        "127.0.0.1:9090"
    );
    assert!(!config.sync.enabled);
    assert_eq!(config.sync.scan_interval, Duration::from_mins(5));
    assert_eq!(config.sync.full_walk_interval, Duration::from_hours(24));
    assert_eq!((config.sync.workers, config.sync.max_index_failures), (4, 5));
    assert_eq!(config.sync.max_file_size, 10 * 1024 * 1024);
    assert_eq!(config.database.pool_size, 10);
    assert!(config.embedding.threads >= 1);
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn both_credentials_make_it_single_user() {
    let Mode::SingleUserBasic { login_name, password } = load(&SINGLE).unwrap().mode else {
        panic!("not single-user")
    };
    assert_eq!(
        (login_name.as_str(), password.expose_secret()),
        ("alice", "s3cret-value")
    );
}

#[test]
fn neither_credential_makes_it_oauth() {
    assert!(matches!(
        load(&[]).unwrap().mode,
        Mode::OAuth {
            offline_access: false
        }
    ));
    let offline = load(&[
        ("ENABLE_BACKGROUND_OPERATIONS", "yes"),
        ("TOKEN_ENCRYPTION_KEY", KEY),
    ])
    .unwrap();
    assert!(matches!(offline.mode, Mode::OAuth { offline_access: true }));
    assert!(offline.encryption.is_some());
}

#[test]
fn the_hybrid_environment_loads() {
    let config = load(&[
        ("ENABLE_MULTI_USER_BASIC_AUTH", "true"),
        ("ENABLE_OFFLINE_ACCESS", "true"),
        ("VECTOR_SYNC_ENABLED", "true"),
        ("TOKEN_ENCRYPTION_KEY", KEY),
        ("NEXTCLOUD_OIDC_CLIENT_ID", "id"),
        ("NEXTCLOUD_OIDC_CLIENT_SECRET", "client-secret"),
    ])
    .unwrap();
    assert!(matches!(config.mode, Mode::Hybrid));
    assert_eq!(config.mode.status_name(), "multi_user_basic");
    assert!(config.sync.enabled);
    assert_eq!(
        config.encryption.unwrap().current.first_chunk::<3>(),
        Some(&[0, 1, 2])
    );
}

#[test]
fn the_explicit_mode_and_the_flags_decide() {
    let explicit = load(&[("MCP_DEPLOYMENT_MODE", "multi_user_basic")]).unwrap();
    assert!(matches!(explicit.mode, Mode::MultiUserBasic));
    let forced = CliOverrides {
        oauth: Some(true),
        ..CliOverrides::default()
    };
    let config = load_with(&SINGLE, &forced).unwrap();
    assert!(matches!(config.mode, Mode::OAuth { .. }));
    assert_eq!(config.warnings.len(), 1);
    let basic = CliOverrides {
        oauth: Some(false),
        ..CliOverrides::default()
    };
    assert_eq!(
        blamed(load_with(&[], &basic)),
        ["NEXTCLOUD_USERNAME", "NEXTCLOUD_PASSWORD"]
    );
    let multi = load_with(&[("ENABLE_MULTI_USER_BASIC_AUTH", "1")], &basic).unwrap();
    assert!(matches!(multi.mode, Mode::MultiUserBasic));
    for other in ["login_flow", "oauth_single_audience", "smithery"] {
        assert_eq!(
            blamed(load(&[("MCP_DEPLOYMENT_MODE", other)])),
            ["MCP_DEPLOYMENT_MODE"]
        );
    }
}

#[test]
fn one_credential_asks_for_the_other() {
    assert_eq!(blamed(load(&SINGLE[..1])), ["NEXTCLOUD_PASSWORD"]);
    assert_eq!(blamed(load(&SINGLE[1..])), ["NEXTCLOUD_USERNAME"]);
}

#[test]
fn contradictions_are_all_named() {
    let mut pairs = SINGLE.to_vec();
    pairs.push(("ENABLE_MULTI_USER_BASIC_AUTH", "true"));
    assert_eq!(blamed(load(&pairs)), ["NEXTCLOUD_USERNAME", "NEXTCLOUD_PASSWORD"]);
    pairs.push(("MCP_DEPLOYMENT_MODE", "oauth"));
    assert_eq!(
        blamed(load(&pairs)),
        [
            "NEXTCLOUD_USERNAME",
            "NEXTCLOUD_PASSWORD",
            "ENABLE_MULTI_USER_BASIC_AUTH"
        ]
    );
    let mut single_with_client = SINGLE.to_vec();
    single_with_client.push(("NEXTCLOUD_OIDC_CLIENT_ID", "id"));
    assert_eq!(blamed(load(&single_with_client)), ["NEXTCLOUD_OIDC_CLIENT_ID"]);
}

#[test]
fn sync_needs_a_background_credential() {
    let pairs = [
        ("VECTOR_SYNC_ENABLED", "true"),
        ("ENABLE_MULTI_USER_BASIC_AUTH", "true"),
    ];
    assert_eq!(blamed(load(&pairs)), ["VECTOR_SYNC_ENABLED"]);
    assert_eq!(blamed(load(&pairs[..1])), ["VECTOR_SYNC_ENABLED"]);
}

#[test]
fn stored_credentials_need_a_key() {
    let errors = load(&[("ENABLE_OFFLINE_ACCESS", "true")]).unwrap_err();
    assert_eq!(errors.problems()[0].variable, "TOKEN_ENCRYPTION_KEY");
    assert!(errors.to_string().contains("openssl rand -base64 32"));
}

#[test]
fn an_open_server_is_refused_unless_meant() {
    let remote = CliOverrides {
        host: Some("0.0.0.0".to_owned()),
        ..CliOverrides::default()
    };
    assert_eq!(blamed(load_with(&SINGLE, &remote)), ["HOST"]);
    for pair in [
        ("MCP_ACCESS_TOKEN", "t0ken"),
        ("ALLOW_UNAUTHENTICATED_REMOTE", "true"),
    ] {
        let mut pairs = SINGLE.to_vec();
        pairs.push(pair);
        assert_eq!(
            load_with(&pairs, &remote).unwrap().server.listen.to_string(),
            "0.0.0.0:8000"
        );
    }
    load_with(&[], &remote).unwrap();
}

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

#[test]
fn every_problem_is_reported_at_once_and_no_value() {
    let wrong = "wr0ng-s3cret";
    let errors = Config::load(
        &Environment::from_pairs([
            ("NEXTCLOUD_HOST", "cloud.example.com"),
            ("NEXTCLOUD_USERNAME", "alice"),
            ("NEXTCLOUD_PASSWORD", wrong),
            ("NEXTCLOUD_PASSWORD_FILE", "/nowhere"),
            ("TOKEN_ENCRYPTION_KEY", wrong),
            ("PORT", "70000"),
            ("VECTOR_SYNC_ENABLED", "maybe"),
            ("LOG_FORMAT", "xml"),
            ("METRICS_PORT", "0"),
            ("DATABASE_URL", wrong),
            ("DATA_DIR", "/data"),
        ]),
        &CliOverrides::default(),
    )
    .unwrap_err();
    let shown = format!("{errors} {errors:?}");
    assert!(!shown.contains(wrong), "{shown}");
    for variable in [
        "NEXTCLOUD_HOST",
        "NEXTCLOUD_PASSWORD_FILE",
        "TOKEN_ENCRYPTION_KEY",
        "PORT",
        "VECTOR_SYNC_ENABLED",
        "LOG_FORMAT",
        "METRICS_PORT",
        "DATABASE_URL",
    ] {
        let named = errors
            .problems()
            .iter()
            .any(|problem| problem.variable == variable);
        assert!(named, "{variable} is missing in {shown}");
    }
}

#[test]
fn secrets_come_from_files_too() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b" from file \r\n").unwrap();
    let path = file.path().to_str().unwrap();
    let pairs = [("NEXTCLOUD_USERNAME", "alice"), ("NEXTCLOUD_PASSWORD_FILE", path)];
    let Mode::SingleUserBasic { password, .. } = load(&pairs).unwrap().mode else {
        panic!("not single-user")
    };
    assert_eq!(password.expose_secret(), " from file ");

    let both = [pairs[0], pairs[1], ("NEXTCLOUD_PASSWORD", "direct")];
    let errors = load(&both).unwrap_err();
    assert_eq!(errors.problems()[0].variable, "NEXTCLOUD_PASSWORD_FILE");
    assert!(!errors.to_string().contains("direct"));
}

#[test]
fn an_alias_that_says_otherwise_is_a_problem() {
    let mut pairs = SINGLE.to_vec();
    pairs.extend([
        ("VECTOR_SYNC_ENABLED", "true"),
        ("ENABLE_SEMANTIC_SEARCH", "false"),
    ]);
    assert_eq!(blamed(load(&pairs)), ["ENABLE_SEMANTIC_SEARCH"]);
    pairs.remove(2);
    pairs.pop();
    pairs.push(("ENABLE_SEMANTIC_SEARCH", "on"));
    assert!(load(&pairs).unwrap().sync.enabled);
}

/// Fault case T14.
#[test]
fn debug_shows_no_secret() {
    let mut pairs = SINGLE.to_vec();
    pairs.extend([
        ("TOKEN_ENCRYPTION_KEY", KEY),
        ("DATABASE_URL", "postgres://u:hidden-pw@db/x"),
        ("MCP_ACCESS_TOKEN", "hidden-token"),
    ]);
    let environment = Environment::from_pairs(BASE.iter().chain(&pairs).copied());
    let config = Config::load(&environment, &CliOverrides::default()).unwrap();
    let shown = format!("{config:?} {environment:?}");
    for secret in ["s3cret-value", "hidden", KEY] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

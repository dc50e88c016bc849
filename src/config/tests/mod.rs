//! Fault cases C01, T13 and T14 for the configuration as a whole.

mod mode;
mod services;

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

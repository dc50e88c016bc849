//! The server killed, stopped, started again, and wrongly started.

use crate::harness::{ALICE, Account, PATIENCE, admin, free_port, fresh_database, pause};
use crate::process::{fill, start, start_with};
use nextcloud_sim::Simulator;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Q01: killed in the middle of indexing, everything is there once, nothing twice.
#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_during_indexing_loses_nothing() {
    let sim = Simulator::start().await;
    fill(&sim, 300);
    let data = tempfile::tempdir().unwrap();
    let database = fresh_database().await;
    for threshold in [1, 60, 150] {
        let mut process = start(&sim, Some(&database), data.path());
        process
            .until(
                "/api/v1/vector-sync/status",
                "some documents are indexed",
                |_, s| s["indexed_documents"].as_i64() >= Some(threshold),
            )
            .await;
        process.signal(nix::sys::signal::Signal::SIGKILL);
        process.exit_code().await;
    }
    let process = start(&sim, Some(&database), data.path());
    let status = process
        .until(
            "/api/v1/vector-sync/status",
            "all documents are indexed",
            |_, s| s["indexed_documents"] == 300 && s["pending_documents"] == 0,
        )
        .await;
    assert_eq!(status["indexed_chunks"], 300, "{status}");
    for number in [0, 59, 150, 299] {
        assert_eq!(
            process.search(&format!("number{number}")).await,
            [format!("{number:04}.txt")]
        );
    }
}

/// Q09: SIGTERM ends with 0.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_with_zero() {
    let sim = Simulator::start().await;
    fill(&sim, 200);
    let data = tempfile::tempdir().unwrap();
    let database = fresh_database().await;
    let mut process = start(&sim, Some(&database), data.path());
    process
        .until("/api/v1/vector-sync/status", "indexing has begun", |_, s| {
            s["indexed_documents"].as_i64() >= Some(1)
        })
        .await;
    process.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(process.exit_code().await, Some(0));
}

/// Q09: the second signal does not wait for anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_sigterm_ends_at_once() {
    let sim = Simulator::start().await;
    fill(&sim, 20);
    let hang = nextcloud_sim::FaultRule::new(nextcloud_sim::Effect::Hang)
        .method("GET")
        .path("/remote.php/dav");
    sim.world().faults().set(hang);
    let data = tempfile::tempdir().unwrap();
    let database = fresh_database().await;
    let mut process = start(&sim, Some(&database), data.path());
    let deadline = Instant::now() + PATIENCE;
    while sim
        .world()
        .count_where(|r| r.method == "GET" && r.path.contains("/reports/"))
        == 0
    {
        assert!(Instant::now() < deadline, "no document was fetched");
        pause().await;
    }
    process.signal(nix::sys::signal::Signal::SIGTERM);
    pause().await;
    let begun = Instant::now();
    process.signal(nix::sys::signal::Signal::SIGTERM);
    process.exit_code().await;
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

/// Q03: a database that is away at the start is waited for; the process lives and says what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_before_the_database_waits_for_it() {
    let sim = Simulator::start().await;
    fill(&sim, 3);
    let data = tempfile::tempdir().unwrap();
    let database = fresh_database().await;
    let name = url::Url::parse(&database)
        .unwrap()
        .path()
        .trim_start_matches('/')
        .to_owned();
    admin(&format!("alter database {name} with allow_connections false")).await;
    let process = start(&sim, Some(&database), data.path());
    process
        .until("/health/live", "it lives", |status, _| status == 200)
        .await;
    let ready = process
        .until("/health/ready", "it is not ready", |status, _| status == 503)
        .await;
    assert_eq!(ready["checks"]["database"]["status"], "failed", "{ready}");
    admin(&format!("alter database {name} with allow_connections true")).await;
    process
        .until(
            "/api/v1/vector-sync/status",
            "it works as soon as the database is there",
            |_, s| s["indexed_documents"] == 3,
        )
        .await;
}

/// The private cluster and the index survive kill -9 of the server; the orphaned postmaster is adopted.
#[tokio::test(flavor = "multi_thread")]
async fn the_private_cluster_survives_kill_nine() {
    let sim = Simulator::start().await;
    fill(&sim, 20);
    let data = tempfile::tempdir().unwrap();
    // As root the cluster runs under another user, who must be able to enter the directory.
    std::fs::set_permissions(data.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let mut process = start(&sim, None, data.path());
    process
        .until("/api/v1/vector-sync/status", "indexed", |_, s| {
            s["indexed_documents"] == 20
        })
        .await;
    process.signal(nix::sys::signal::Signal::SIGKILL);
    process.exit_code().await;

    let mut again = start(&sim, None, data.path());
    again
        .until("/health/ready", "ready", |status, _| status == 200)
        .await;
    assert_eq!(again.search("number7").await, ["0007.txt"]);
    again.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(again.exit_code().await, Some(0));
}

/// Q03: `PostgreSQL` dies in the middle of indexing; it is started again and nothing is lost or doubled.
#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_killed_during_indexing_loses_nothing() {
    let sim = Simulator::start().await;
    fill(&sim, 300);
    let data = tempfile::tempdir().unwrap();
    std::fs::set_permissions(data.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let process = start(&sim, None, data.path());
    process
        .until("/api/v1/vector-sync/status", "indexing has begun", |_, s| {
            s["indexed_documents"].as_i64() >= Some(30)
        })
        .await;
    let pid_file = std::fs::read_to_string(data.path().join("postgres/data/postmaster.pid")).unwrap();
    let postmaster = nix::unistd::Pid::from_raw(pid_file.lines().next().unwrap().parse().unwrap());
    nix::sys::signal::kill(postmaster, nix::sys::signal::Signal::SIGKILL).unwrap();
    let status = process
        .until(
            "/api/v1/vector-sync/status",
            "all documents are indexed",
            |_, s| s["indexed_documents"] == 300 && s["pending_documents"] == 0,
        )
        .await;
    assert_eq!(status["indexed_chunks"], 300, "{status}");
    assert_eq!(process.search("number299").await, ["0299.txt"]);
}

/// An index that is lost while the server runs is rebuilt without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_lost_at_run_time_is_rebuilt() {
    let sim = Simulator::start().await;
    fill(&sim, 30);
    let data = tempfile::tempdir().unwrap();
    let database = fresh_database().await;
    let process = start(&sim, Some(&database), data.path());
    process
        .until("/api/v1/vector-sync/status", "indexed", |_, s| {
            s["indexed_documents"] == 30
        })
        .await;
    let index = data.path().join("index");
    for entry in std::fs::read_dir(&index).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    let collections = || {
        std::fs::read_dir(&index)
            .unwrap()
            .filter(|e| e.as_ref().unwrap().path().is_dir())
            .count()
    };
    let deadline = Instant::now() + PATIENCE;
    while collections() == 0 || process.search("number11").await != ["0011.txt"] {
        assert!(Instant::now() < deadline, "the index was not rebuilt");
        pause().await;
    }
    sim.world().put_file("alice", "/reports/new.txt", b"cormorant");
    let deadline = Instant::now() + PATIENCE;
    while process.search("cormorant").await != ["new.txt"] {
        assert!(Instant::now() < deadline, "indexing did not go on");
        pause().await;
    }
}

/// A lost or damaged index is rebuilt from the database at start.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_rebuilt_without_nextcloud_contents() {
    let sim = Simulator::start().await;
    fill(&sim, 30);
    let data = tempfile::tempdir().unwrap();
    let database = fresh_database().await;
    let mut process = start(&sim, Some(&database), data.path());
    process
        .until("/api/v1/vector-sync/status", "indexed", |_, s| {
            s["indexed_documents"] == 30
        })
        .await;
    process.signal(nix::sys::signal::Signal::SIGTERM);
    process.exit_code().await;
    std::fs::remove_dir_all(data.path().join("index")).unwrap();
    sim.world().clear_requests();

    let process = start(&sim, Some(&database), data.path());
    let deadline = Instant::now() + PATIENCE;
    while process.get("/health/ready").await.map(|(status, _)| status) != Some(200)
        || process.search("number11").await != ["0011.txt"]
    {
        assert!(Instant::now() < deadline, "the index was not rebuilt");
        pause().await;
    }
    assert_eq!(
        sim.world()
            .count_where(|r| r.method == "GET" && r.path.contains("/reports/")),
        0
    );
}

/// C01: all problems at once, exit code 2, values redacted.
#[tokio::test]
async fn configuration_problems_are_reported_together() {
    let output = Command::new(env!("CARGO_BIN_EXE_nextcloud-mcp-server"))
        .env_clear()
        .env("NEXTCLOUD_HOST", "not a url")
        .env("ENABLE_MULTI_USER_BASIC_AUTH", "true")
        .env("ENABLE_OFFLINE_ACCESS", "perhaps")
        .env("NEXTCLOUD_USERNAME", "me")
        .env("TOKEN_ENCRYPTION_KEY", "hunter2-is-too-short")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    for variable in [
        "NEXTCLOUD_HOST",
        "ENABLE_OFFLINE_ACCESS",
        "NEXTCLOUD_USERNAME",
        "TOKEN_ENCRYPTION_KEY",
    ] {
        assert!(text.contains(variable), "{variable} in:\n{text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
}

/// The help teaches.
#[tokio::test]
async fn help_names_the_first_steps() {
    let output = Command::new(env!("CARGO_BIN_EXE_nextcloud-mcp-server"))
        .arg("--help")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["NEXTCLOUD_HOST", "serve", "stdio", "migrate", "reindex", "doctor"] {
        assert!(text.contains(word), "{word}");
    }
}

/// `stdio` serves one account over standard input and output.
#[tokio::test(flavor = "multi_thread")]
async fn stdio_answers_a_client() {
    use std::io::{BufRead, BufReader, Write};
    let sim = Simulator::start().await;
    let account: Account = ALICE;
    let data = tempfile::tempdir().unwrap();
    let database = fresh_database().await;
    let mut child = Command::new(env!("CARGO_BIN_EXE_nextcloud-mcp-server"))
        .env("NEXTCLOUD_HOST", sim.url())
        .env("NEXTCLOUD_USERNAME", account.uid)
        .env("NEXTCLOUD_PASSWORD", account.password)
        .env("METRICS_ENABLED", "false")
        .env("DATABASE_URL", &database)
        .env("DATA_DIR", data.path())
        .arg("stdio")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let answer = tokio::task::spawn_blocking(move || {
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "it", "version": "1"}}});
        writeln!(input, "{hello}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        writeln!(input, "{}", json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).unwrap();
        writeln!(input, "{}", json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})).unwrap();
        line.clear();
        output.read_line(&mut line).unwrap();
        line
    })
    .await
    .unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert!(
        answer["result"]["tools"].as_array().unwrap().len() >= 18,
        "{answer}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
}

/// C04, B08, T14: neither the metrics nor the most talkative log tell a user's name or a secret.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_logs_tell_no_secret() {
    let sim = Simulator::start().await;
    fill(&sim, 5);
    let data = tempfile::tempdir().unwrap();
    let log = data.path().join("log");
    let metrics_port = free_port().to_string();
    let database = fresh_database().await;
    let mut process = start_with(&sim, Some(&database), data.path(), |command| {
        command
            .env("METRICS_ENABLED", "true")
            .env("METRICS_PORT", &metrics_port)
            .env("LOG_LEVEL", "trace")
            .stderr(std::fs::File::create(&log).unwrap())
    });
    process
        .until("/api/v1/vector-sync/status", "indexed", |_, s| {
            s["indexed_documents"] == 5
        })
        .await;
    assert_eq!(process.search("number3").await, ["0003.txt"]);
    let metrics = process
        .http
        .get(format!("http://127.0.0.1:{metrics_port}/metrics"))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    for name in [
        "ncmcp_sync_scans_total",
        "ncmcp_search_duration_seconds",
        "ncmcp_nextcloud_requests_total",
    ] {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }
    process.signal(nix::sys::signal::Signal::SIGTERM);
    process.exit_code().await;
    let log = std::fs::read_to_string(&log).unwrap();
    assert!(log.contains("request"), "the log is talkative");
    let database_password = url::Url::parse(&database).unwrap().password().map(str::to_owned);
    let secrets = [
        Some(ALICE.password.to_owned()),
        Some("YWxpY2U6".to_owned()),
        database_password,
    ];
    for secret in secrets.into_iter().flatten() {
        assert!(!metrics.contains(&secret), "{secret} in the metrics");
        assert!(!log.contains(&secret), "{secret} in the log");
    }
    assert!(!metrics.contains(ALICE.uid), "{metrics}");
}

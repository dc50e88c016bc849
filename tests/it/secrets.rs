//! Passwords that pass through leave no trace.

use crate::harness::{ALICE, Account, BOB, free_port, fresh_database};
use crate::process::start_with;
use base64::Engine as _;
use nextcloud_sim::Simulator;
use serde_json::{Value, json};
use sqlx::Connection;

/// A password that Nextcloud refuses.
const WRONG: &str = "wrong-pass-word-4711";

/// Every row of every table, the job queue's included, as text; binary columns are hexadecimal in it.
async fn dump(database: &str) -> String {
    let mut sql = sqlx::PgConnection::connect(database).await.unwrap();
    let tables: Vec<(String, String)> = sqlx::query_as(
        "select table_schema::text, table_name::text from information_schema.tables
         where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut sql)
    .await
    .unwrap();
    assert!(tables.iter().any(|(schema, _)| schema == "apalis"), "{tables:?}");
    let mut text = String::new();
    for (schema, table) in tables {
        let select = format!("select row_to_json(t)::text from \"{schema}\".\"{table}\" t");
        let rows: Vec<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(select))
            .fetch_all(&mut sql)
            .await
            .unwrap();
        text.extend(rows);
    }
    text
}

/// The forms in which a password could stand somewhere.
fn forms(account: &str, password: &str) -> Vec<String> {
    let base64 = base64::engine::general_purpose::STANDARD;
    vec![
        password.to_owned(),
        base64.encode(password),
        base64.encode(format!("{account}:{password}")),
        hex::encode(password),
    ]
}

/// B08: after Basic traffic, right and wrong, no password is in the database, the log or the metrics.
#[tokio::test(flavor = "multi_thread")]
async fn b08_passwords_that_pass_through_leave_no_trace() {
    let sim = Simulator::start().await;
    sim.world().put_file("alice", "/a.txt", b"The gannet dives.");
    let data = tempfile::tempdir().unwrap();
    let (log, metrics_port, database) = (
        data.path().join("log"),
        free_port().to_string(),
        fresh_database().await,
    );
    let mut process = start_with(&sim, Some(&database), data.path(), |command| {
        command
            .env_remove("NEXTCLOUD_USERNAME")
            .env_remove("NEXTCLOUD_PASSWORD")
            .env("ENABLE_MULTI_USER_BASIC_AUTH", "true")
            .env("ENABLE_OFFLINE_ACCESS", "true")
            .env(
                "TOKEN_ENCRYPTION_KEY",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            )
            .env("METRICS_ENABLED", "true")
            .env("METRICS_PORT", &metrics_port)
            .env("LOG_LEVEL", "trace")
            .stderr(std::fs::File::create(&log).unwrap())
    });
    process
        .until("/health/ready", "ready", |status, _| status == 200)
        .await;
    let base = format!("http://127.0.0.1:{}", process.port);

    let handed_over = sim.world().app_password("alice");
    let response = process
        .http
        .post(format!("{base}/api/v1/users/alice/app-password"))
        .basic_auth("alice", Some(&handed_over))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    process
        .until("/api/v1/vector-sync/status", "indexed", |_, status| {
            status["indexed_documents"] == 1
        })
        .await;

    let call = |account: Account, tool: &str, arguments: Value| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": tool, "arguments": arguments}});
        process
            .http
            .post(format!("{base}/mcp"))
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .basic_auth(account.uid, Some(account.password))
            .json(&body)
            .send()
    };
    let search = json!({"query": "gannet"});
    for account in [ALICE, BOB] {
        let answer = call(account, "nc_semantic_search", search.clone()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let answer = call(account, "nc_webdav_list_directory", json!({"path": "/nowhere"}))
            .await
            .unwrap();
        assert_eq!(answer.status(), 200);
    }
    let wrong = Account {
        password: WRONG,
        ..ALICE
    };
    let refused = call(wrong, "nc_semantic_search", search).await.unwrap();
    assert_eq!(refused.status(), 401);

    let metrics = process
        .http
        .get(format!("http://127.0.0.1:{metrics_port}/metrics"))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    process.signal(nix::sys::signal::Signal::SIGTERM);
    process.exit_code().await;
    let log = std::fs::read_to_string(&log).unwrap();
    let dump = dump(&database).await;
    assert!(log.contains("request"), "the log is talkative");
    assert!(
        metrics.contains("ncmcp_mcp_tool_calls_total"),
        "the calls are counted"
    );
    assert!(
        dump.contains("alice") && dump.contains("gannet"),
        "the dump holds the data"
    );
    for (account, password) in [
        (ALICE.uid, ALICE.password),
        (BOB.uid, BOB.password),
        (ALICE.uid, WRONG),
        (ALICE.uid, &handed_over),
    ] {
        for form in forms(account, password) {
            for (place, text) in [("database", &dump), ("log", &log), ("metrics", &metrics)] {
                assert!(!text.contains(&form), "{form} is in the {place}");
            }
        }
    }
}

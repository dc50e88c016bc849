//! The server as a process of its own, which tests can kill.

use crate::harness::{ALICE, PATIENCE, client, free_port, pause};
use nextcloud_sim::Simulator;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

pub struct Process {
    child: Child,
    pub port: u16,
    pub http: reqwest::Client,
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that failed leaves no server behind.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn start(sim: &Simulator, database: Option<&str>, data: &Path) -> Process {
    start_with(sim, database, data, |command| command.stderr(Stdio::null()))
}

pub fn start_with(
    sim: &Simulator,
    database: Option<&str>,
    data: &Path,
    adjust: impl FnOnce(&mut Command) -> &mut Command,
) -> Process {
    let port = free_port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_nextcloud-mcp-server"));
    command
        .env_remove("DATABASE_URL")
        .env("NEXTCLOUD_HOST", sim.url())
        .env("NEXTCLOUD_USERNAME", ALICE.uid)
        .env("NEXTCLOUD_PASSWORD", ALICE.password)
        .env("VECTOR_SYNC_ENABLED", "true")
        .env("VECTOR_SYNC_SCAN_INTERVAL", "1")
        .env("EMBEDDING_PROVIDER", "none")
        .env("METRICS_ENABLED", "false")
        .env("DATA_DIR", data)
        .args(["serve", "--port", &port.to_string()])
        .stdout(Stdio::null());
    if let Some(url) = database {
        command.env("DATABASE_URL", url);
    }
    adjust(&mut command);
    Process {
        child: command.spawn().unwrap(),
        port,
        http: client(),
    }
}

impl Process {
    pub async fn get(&self, path: &str) -> Option<(u16, Value)> {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let response = self.http.get(url).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.json().await.unwrap_or(Value::Null)))
    }

    pub async fn until(&self, path: &str, what: &str, holds: impl Fn(u16, &Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut last = None;
        loop {
            if let Some((status, body)) = self.get(path).await {
                if holds(status, &body) {
                    return body;
                }
                last = Some((status, body));
            }
            assert!(
                Instant::now() < deadline,
                "never happened: {what}; last answer {last:?}"
            );
            pause().await;
        }
    }

    pub async fn search(&self, query: &str) -> Vec<String> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "nc_semantic_search", "arguments": {"query": query, "limit": 100}}});
        let answer: Value = self
            .http
            .post(format!("http://127.0.0.1:{}/mcp", self.port))
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&body)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let results = answer["result"]["structuredContent"]["results"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        results
            .iter()
            .map(|hit| hit["title"].as_str().unwrap().to_owned())
            .collect()
    }

    /// `RssAnon` in bytes: what the process itself holds.
    pub fn private_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .unwrap();
        let kilobytes: u64 = line.trim().strip_suffix("kB").unwrap().trim().parse().unwrap();
        kilobytes * 1024
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    pub async fn exit_code(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "the process did not end");
            pause().await;
        }
    }
}

/// Files of alice, each with a word of its own.
pub fn fill(sim: &Simulator, files: usize) {
    for number in 0..files {
        let text = format!("Report {number}\n\nThe lighthouse keeper number{number} counted ships.");
        sim.world()
            .put_file("alice", &format!("/reports/{number:04}.txt"), text.as_bytes());
    }
}

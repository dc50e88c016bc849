//! anonymous resident memory of the server as a process of its own: idle, over 10,000 calls, while indexing.

use crate::support::{Goal, figure};
use crate::world::{Outcome, client, fresh_database};
use nextcloud_sim::Simulator;
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const CHUNKS: usize = 10_000;

struct Server {
    child: Child,
    base: String,
    http: reqwest::Client,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Server {
    fn start(simulator: &Simulator, database: &str, data: &Path, embedding: &str) -> Outcome<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let program = std::env::current_exe()?.with_file_name("../nextcloud-mcp-server");
        let child = Command::new(program)
            .env("NEXTCLOUD_HOST", simulator.url())
            .env("NEXTCLOUD_USERNAME", "alice")
            .env("NEXTCLOUD_PASSWORD", "alice-pass-1")
            .env("VECTOR_SYNC_ENABLED", "true")
            .env("VECTOR_SYNC_PROCESSOR_WORKERS", "4")
            .env("EMBEDDING_PROVIDER", embedding)
            .env("METRICS_ENABLED", "false")
            .env("LOG_LEVEL", "error")
            .env("DATABASE_URL", database)
            .env("DATA_DIR", data)
            .args(["serve", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self {
            child,
            base: format!("http://127.0.0.1:{port}"),
            http: client()?,
        })
    }

    /// `RssAnon` of the process, in megabytes.
    fn megabytes(&self) -> Outcome<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes: f64 = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .and_then(|value| value.trim().trim_end_matches(" kB").parse().ok())
            .ok_or("no RssAnon")?;
        Ok(kilobytes / 1_024.0)
    }

    async fn status(&self) -> Option<Value> {
        self.http
            .get(format!("{}/api/v1/vector-sync/status", self.base))
            .send()
            .await
            .ok()?
            .json()
            .await
            .ok()
    }

    /// Polls until `holds`; the largest memory meanwhile.
    async fn peak_until(&self, holds: impl Fn(&Value) -> bool) -> Outcome<f64> {
        let begun = Instant::now();
        let mut peak: f64 = 0.0;
        loop {
            peak = peak.max(self.megabytes()?);
            let status = self.status().await;
            if status.as_ref().is_some_and(&holds) {
                return Ok(peak);
            }
            if begun.elapsed() > Duration::from_mins(15) {
                return Err(format!("never happened: {status:?}").into());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn search(&self) -> Outcome<()> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call",
            "params": {"name": "nc_semantic_search", "arguments": {"query": "river"}}});
        let request = self.http.post(format!("{}/mcp", self.base)).json(&body);
        let request = request.header("accept", "application/json, text/event-stream");
        request
            .header("mcp-protocol-version", "2025-11-25")
            .send()
            .await?
            .error_for_status()?
            .bytes()
            .await?;
        Ok(())
    }
}

/// Runs this part.
pub async fn run() -> Outcome<()> {
    let simulator = Simulator::start().await;
    simulator
        .world()
        .put_note("alice", "One", "", "A note about a river.");
    let data = tempfile::tempdir()?;
    let server = Server::start(&simulator, &fresh_database().await?, data.path(), "none")?;
    server
        .peak_until(|status| status["indexed_documents"] == 1)
        .await?;
    figure(
        "RssAnon idle, without model",
        server.megabytes()?,
        "MB",
        Goal::AtMost(60.0),
    );
    for _ in 0..500 {
        server.search().await?;
    }
    let warm = server.megabytes()?;
    for _ in 0..10_000 {
        server.search().await?;
    }
    figure(
        "RssAnon growth over 10,000 searches",
        server.megabytes()? - warm,
        "MB",
        Goal::AtMost(10.0),
    );
    drop(server);

    let simulator = Simulator::start().await;
    for file in 0..CHUNKS {
        let text = format!(
            "# Page {file}\n\nThe river at mile {file} is {} metres wide and calm.",
            file % 97
        );
        simulator.world().put_file(
            "alice",
            &format!("/book {}/{file}.md", file % 100),
            text.as_bytes(),
        );
    }
    let data = tempfile::tempdir()?;
    let server = Server::start(&simulator, &fresh_database().await?, data.path(), "embedded")?;
    let peak = server
        .peak_until(|status| status["hybrid_chunks"].as_u64() >= Some(CHUNKS as u64))
        .await?;
    figure(
        "RssAnon peak while indexing 10,000 passages",
        peak,
        "MB",
        Goal::AtMost(300.0),
    );
    Ok(())
}

//! The whole system against a simulated Nextcloud: hybrid mode, two users, a shared folder, a few hundred documents.
//!
//! Shows the indexing progress, then searches as both users, then stays up and prints how to connect.

#[path = "demo/content.rs"]
mod content;

use clap::Parser;
use nextcloud_mcp_server::app::{self, RunningServer, StartOptions};
use nextcloud_mcp_server::config::{CliOverrides, Config, Environment};
use nextcloud_mcp_server::sandbox;
use nextcloud_sim::{SharePermissions, Simulator};
use serde::Serialize;
use serde_json::{Value, json};
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// The Nextcloud MCP server against a simulated Nextcloud with two users.
#[derive(Parser)]
struct Arguments {
    /// Exit after the searches.
    #[arg(long)]
    once: bool,
    /// Print the figures as JSON, as the last line.
    #[arg(long)]
    json: bool,
    /// Port of the server; 0 = any free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

const USERS: [(&str, &str); 2] = [("alice", "alice-pass-1"), ("bob", "bob-pass-1")];

const SEARCHES: [(&str, &str); 8] = [
    ("alice", "who gave advice about starting small"),
    ("alice", "ground fault inverter"),
    ("alice", "recipe with eggs and tomatoes"),
    ("alice", "counting fish"),
    ("bob", "heating tomatoes under glass"),
    ("bob", "knots for sailing"),
    ("bob", "what did I do on day 17"),
    ("bob", "permission from the council"),
];

#[derive(Serialize)]
struct Report {
    documents: i64,
    chunks: i64,
    seconds_to_keyword_searchable: f64,
    seconds_to_complete: f64,
    searches: Vec<SearchReport>,
}

#[derive(Serialize)]
struct SearchReport {
    user: &'static str,
    query: &'static str,
    top: Vec<Value>,
    milliseconds: f64,
}

fn main() -> ExitCode {
    if let Some(code) = sandbox::run_if_child() {
        return code;
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => app::report_fatal(&error),
    }
}

#[tokio::main]
async fn run() -> Outcome<()> {
    let arguments = Arguments::parse();
    let mut out = std::io::stdout();

    let simulator = Simulator::start().await;
    let documents = content::documents();
    for document in &documents {
        simulator
            .world()
            .put_file(document.owner, &document.path, document.text.as_bytes());
    }
    simulator
        .world()
        .share("alice", "/Shared projects", "bob", SharePermissions::read_only());
    writeln!(
        out,
        "A simulated Nextcloud at {} holds {} documents of alice and bob; alice shares the folder \"Shared projects\".",
        simulator.url(),
        documents.len()
    )?;

    let data = tempfile::Builder::new().prefix("nextcloud-mcp-demo").tempdir()?;
    // As root the private PostgreSQL runs under another user, who must be able to enter the directory.
    std::fs::set_permissions(data.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let server = start_server(&simulator, data.path(), arguments.port).await?;
    let base = format!("http://{}", server.address());
    let http = client()?;
    writeln!(
        out,
        "The server listens at {base}. Both users hand over an app password for the background sync.\n"
    )?;
    let begun = Instant::now();
    for (user, _) in USERS {
        let password = simulator.world().app_password(user);
        let response = http
            .post(format!("{base}/api/v1/users/{user}/app-password"))
            .basic_auth(user, Some(password))
            .send()
            .await?;
        response.error_for_status()?;
    }

    let (keyword, complete, status) = watch(&http, &base, begun, documents.len()).await?;
    writeln!(
        out,
        "\nSearchable by keyword after {keyword:.1} s, by meaning after {complete:.1} s: {} documents, {} chunks.\n",
        status["indexed_documents"], status["indexed_chunks"]
    )?;

    let mut searches = Vec::new();
    for (user, query) in SEARCHES {
        let report = search(&http, &base, user, query).await?;
        writeln!(out, "{user}: {query}  ({:.0} ms)", report.milliseconds)?;
        for hit in report.top.iter().take(3) {
            writeln!(
                out,
                "    {:.2}  {:<5} {}",
                hit["score"].as_f64().unwrap_or_default(),
                hit["doc_type"].as_str().unwrap_or_default(),
                hit["path"].as_str().unwrap_or_default()
            )?;
        }
        searches.push(report);
    }

    if !arguments.once {
        writeln!(
            out,
            "\nStays up until Ctrl-C. Connect:\n  claude mcp add --transport http nextcloud {base}/mcp \
             --header \"Authorization: Basic $(printf alice:alice-pass-1 | base64)\"\n  \
             npx @modelcontextprotocol/inspector   (Streamable HTTP, {base}/mcp, the same header)\n  \
             curl {base}/api/v1/vector-sync/status"
        )?;
        tokio::signal::ctrl_c().await?;
    }
    server.stop().await;
    if arguments.json {
        let report = Report {
            documents: status["indexed_documents"].as_i64().unwrap_or_default(),
            chunks: status["indexed_chunks"].as_i64().unwrap_or_default(),
            seconds_to_keyword_searchable: keyword,
            seconds_to_complete: complete,
            searches,
        };
        writeln!(out, "{}", serde_json::to_string(&report)?)?;
    }
    Ok(())
}

async fn start_server(simulator: &Simulator, data: &std::path::Path, port: u16) -> Outcome<RunningServer> {
    let data = data.to_string_lossy().into_owned();
    let url = simulator.url();
    let environment = Environment::from_pairs([
        ("NEXTCLOUD_HOST", url.as_str()),
        ("ENABLE_MULTI_USER_BASIC_AUTH", "true"),
        ("ENABLE_OFFLINE_ACCESS", "true"),
        ("VECTOR_SYNC_ENABLED", "true"),
        ("VECTOR_SYNC_SCAN_INTERVAL", "10"),
        (
            "TOKEN_ENCRYPTION_KEY",
            "ZGVtbyBvbmx5OiBhIGtleSB0aGF0IGV2ZXJ5b25lIGs=",
        ),
        ("METRICS_ENABLED", "false"),
        ("LOG_LEVEL", "warn"),
        ("DATA_DIR", data.as_str()),
    ]);
    let overrides = CliOverrides {
        port: Some(port),
        ..CliOverrides::default()
    };
    let config = Config::load(&environment, &overrides).map_err(|problems| problems.to_string())?;
    Ok(RunningServer::start(config, StartOptions::default()).await?)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a plain client of the server, as its users have"
)]
fn client() -> Outcome<reqwest::Client> {
    Ok(reqwest::Client::builder()
        .timeout(Duration::from_mins(1))
        .build()?)
}

/// Shows the progress; returns the seconds until keyword and until all search is ready, and the last status.
async fn watch(
    http: &reqwest::Client,
    base: &str,
    begun: Instant,
    expected: usize,
) -> Outcome<(f64, f64, Value)> {
    let expected = i64::try_from(expected)?;
    let mut keyword = None;
    let terminal = std::io::stdout().is_terminal();
    loop {
        let status: Value = http
            .get(format!("{base}/api/v1/vector-sync/status"))
            .send()
            .await?
            .json()
            .await?;
        let indexed = status["indexed_documents"].as_i64().unwrap_or_default();
        let chunks = status["indexed_chunks"].as_i64().unwrap_or_default();
        let dense = status["hybrid_chunks"].as_i64().unwrap_or_default();
        let elapsed = begun.elapsed().as_secs_f64();
        let line =
            format!("{elapsed:6.1} s  keyword {indexed:>4}/{expected}  semantic {dense:>4}/{chunks} chunks");
        let mut out = std::io::stdout();
        if terminal {
            write!(out, "\r{line}")?;
            out.flush()?;
        } else {
            writeln!(out, "{line}")?;
        }
        if indexed >= expected && keyword.is_none() {
            keyword = Some(elapsed);
        }
        if let Some(keyword) = keyword
            && dense >= chunks
        {
            return Ok((keyword, elapsed, status));
        }
        if begun.elapsed() > Duration::from_mins(10) {
            return Err(format!("indexing did not end: {status}").into());
        }
        tokio::time::sleep(Duration::from_millis(if terminal { 200 } else { 1_000 })).await;
    }
}

async fn search(
    http: &reqwest::Client,
    base: &str,
    user: &'static str,
    query: &'static str,
) -> Outcome<SearchReport> {
    let password = USERS
        .iter()
        .find(|(name, _)| *name == user)
        .map(|(_, password)| *password);
    let begun = Instant::now();
    let answer: Value = http
        .post(format!("{base}/mcp"))
        .basic_auth(user, password)
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", "2025-11-25")
        .json(
            &json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "nc_semantic_search",
            "arguments": {"query": query, "limit": 5, "granularity": "document"}}}),
        )
        .send()
        .await?
        .json()
        .await?;
    let milliseconds = begun.elapsed().as_secs_f64() * 1_000.0;
    let results = answer["result"]["structuredContent"]["results"]
        .as_array()
        .ok_or_else(|| format!("the search failed: {answer}"))?;
    let top = results
        .iter()
        .map(|hit| json!({"doc_type": hit["doc_type"], "id": hit["id"], "title": hit["title"], "path": hit["path"], "score": hit["score"]}))
        .collect();
    Ok(SearchReport {
        user,
        query,
        top,
        milliseconds,
    })
}

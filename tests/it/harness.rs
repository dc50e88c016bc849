//! A running server against a simulated Nextcloud, and clients for it.

use nextcloud_mcp_server::app::{RunningServer, StartOptions};
use nextcloud_mcp_server::config::{CliOverrides, Config, Environment};
use nextcloud_sim::Simulator;
use serde_json::{Value, json};
use sqlx::Connection;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest that anything here may take.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// One of the simulated users.
#[derive(Clone, Copy)]
pub struct Account {
    pub uid: &'static str,
    pub password: &'static str,
}

pub const ALICE: Account = Account {
    uid: "alice",
    password: "alice-pass-1",
};
pub const BOB: Account = Account {
    uid: "bob",
    password: "bob-pass-1",
};

/// The cluster that scripts/test started.
pub fn cluster_url() -> String {
    dotenvy::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL; scripts/test starts one")
}

/// A database of its own on the cluster that `DATABASE_URL` names.
pub async fn fresh_database() -> String {
    let base = cluster_url();
    let name = format!("it_{}", uuid::Uuid::new_v4().simple());
    let mut connection = sqlx::PgConnection::connect(&base).await.unwrap();
    let create = format!("create database {name}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create))
        .execute(&mut connection)
        .await
        .unwrap();
    let mut url = url::Url::parse(&base).unwrap();
    url.set_path(&name);
    url.to_string()
}

/// What a test may set before the server starts.
pub struct Setup {
    pub env: Vec<(String, String)>,
}

impl Setup {
    /// Hybrid mode with sync, keyword search only: fast.
    pub fn hybrid() -> Self {
        Self { env: Vec::new() }
            .set("ENABLE_MULTI_USER_BASIC_AUTH", "true")
            .set("ENABLE_OFFLINE_ACCESS", "true")
            .set(
                "TOKEN_ENCRYPTION_KEY",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            )
            .set("VECTOR_SYNC_ENABLED", "true")
            .set("EMBEDDING_PROVIDER", "none")
            .set("METRICS_ENABLED", "false")
            .set("VECTOR_SYNC_SCAN_INTERVAL", "1")
    }

    /// Single-user mode as alice.
    pub fn single_user() -> Self {
        Self { env: Vec::new() }
            .set("NEXTCLOUD_USERNAME", ALICE.uid)
            .set("NEXTCLOUD_PASSWORD", ALICE.password)
            .set("VECTOR_SYNC_ENABLED", "true")
            .set("EMBEDDING_PROVIDER", "none")
            .set("METRICS_ENABLED", "false")
            .set("VECTOR_SYNC_SCAN_INTERVAL", "1")
    }

    /// OAuth mode with stored consents and sync, keyword search only.
    pub fn oauth() -> Self {
        Self::hybrid()
            .set("ENABLE_MULTI_USER_BASIC_AUTH", "false")
            .set("MCP_DEPLOYMENT_MODE", "oauth")
    }

    /// On a port known before the start, which the public URL names: flows come back to it.
    pub fn at_its_own_url(self) -> (Self, String) {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let setup = self
            .set("PORT", &port.to_string())
            .set("NEXTCLOUD_MCP_SERVER_URL", &url);
        (setup, url)
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts simulator, database and server.
    pub async fn start(self) -> World {
        let sim = Simulator::start().await;
        self.start_with(sim).await
    }

    /// Starts database and server for a prepared simulator.
    pub async fn start_with(self, sim: Simulator) -> World {
        let data = tempfile::tempdir().unwrap();
        let database = fresh_database().await;
        let setup = self
            .set("NEXTCLOUD_HOST", &sim.url())
            .set("DATABASE_URL", &database)
            .set("DATA_DIR", data.path().to_str().unwrap());
        let server = setup.start_server().await;
        World {
            sim,
            server: Some(server),
            data,
            database,
            env: setup.env,
            http: client(),
        }
    }

    async fn start_server(&self) -> RunningServer {
        let options = StartOptions {
            sandbox_program: Some(env!("CARGO_BIN_EXE_nextcloud-mcp-server").into()),
            ..StartOptions::default()
        };
        RunningServer::start(config(&self.env), options)
            .await
            .expect("the server starts")
    }
}

fn config(env: &[(String, String)]) -> Config {
    let pairs = env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let overrides = CliOverrides {
        // Any free one, unless the test needs to know it before.
        port: env.iter().all(|(name, _)| name != "PORT").then_some(0),
        ..CliOverrides::default()
    };
    Config::load(&Environment::from_pairs(pairs), &overrides).expect("a valid configuration")
}

/// A port that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

#[expect(clippy::disallowed_methods, reason = "a plain client, not the server's")]
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

/// Everything that runs for one test.
pub struct World {
    pub sim: Simulator,
    server: Option<RunningServer>,
    /// Holds the data directory until the test ends.
    data: TempDir,
    pub database: String,
    pub env: Vec<(String, String)>,
    pub http: reqwest::Client,
}

impl World {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server().address())
    }

    /// Cuts every connection to the server's database and refuses new ones, as when `PostgreSQL` is stopped.
    pub async fn cut_database(&self) {
        let name = self.database_name();
        admin(&format!("alter database {name} with allow_connections false")).await;
        admin(&format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        ))
        .await;
    }

    /// Takes connections again and waits until the server has noticed.
    pub async fn restore_database(&self) {
        let name = self.database_name();
        admin(&format!("alter database {name} with allow_connections true")).await;
        let deadline = Instant::now() + PATIENCE;
        while self
            .http
            .get(self.url("/health/ready"))
            .send()
            .await
            .unwrap()
            .status()
            != 200
        {
            assert!(Instant::now() < deadline, "the database was never noticed again");
            pause().await;
        }
    }

    fn database_name(&self) -> String {
        let url = url::Url::parse(&self.database).unwrap();
        url.path().trim_start_matches('/').to_owned()
    }

    /// The server's data directory.
    pub fn data_dir(&self) -> &std::path::Path {
        self.data.path()
    }

    fn server(&self) -> &RunningServer {
        self.server.as_ref().expect("the server runs")
    }

    /// Stops the server as SIGTERM does; its index is free afterwards.
    pub async fn stop(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }

    /// A connection to the server's database.
    pub async fn sql(&self) -> sqlx::PgConnection {
        sqlx::PgConnection::connect(&self.database).await.unwrap()
    }

    /// Stops the server as SIGTERM does and starts another on the same database and data.
    pub async fn restart(&mut self) {
        self.stop().await;
        let setup = Setup {
            env: self.env.clone(),
        };
        self.server = Some(setup.start_server().await);
    }

    /// Starts a further process on the same database, with these settings changed.
    pub async fn start_beside(&self, changes: &[(&str, &str)]) -> RunningServer {
        let mut setup = Setup {
            env: self.env.clone(),
        };
        for (name, value) in changes {
            setup = setup.set(name, value);
        }
        setup.start_server().await
    }

    /// Hands over an app password for background sync.
    pub async fn provision(&self, account: Account) {
        let password = self.sim.world().app_password(account.uid);
        let response = self
            .http
            .post(self.url(&format!("/api/v1/users/{}/app-password", account.uid)))
            .basic_auth(account.uid, Some(password))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 200, "{}", response.text().await.unwrap());
    }

    /// A JSON-RPC request to `/mcp`, with Basic credentials when an account is given: status and body.
    pub async fn mcp(&self, account: Option<Account>, method: &str, params: Value) -> (u16, Value) {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let mut request = self
            .http
            .post(self.url("/mcp"))
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&body);
        if let Some(account) = account {
            request = request.basic_auth(account.uid, Some(account.password));
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// Calls a tool and returns its result object (`structuredContent`, `isError` …).
    pub async fn call(&self, account: Option<Account>, tool: &str, arguments: Value) -> Value {
        let (status, body) = self
            .mcp(
                account,
                "tools/call",
                json!({"name": tool, "arguments": arguments}),
            )
            .await;
        assert_eq!(status, 200, "{body}");
        assert!(body.get("result").is_some(), "no result: {body}");
        body["result"].clone()
    }

    /// Calls a tool that must succeed and returns its structured content.
    pub async fn call_ok(&self, account: Option<Account>, tool: &str, arguments: Value) -> Value {
        let result = self.call(account, tool, arguments).await;
        assert_ne!(result["isError"], true, "{result}");
        result["structuredContent"].clone()
    }

    /// A search with `nc_semantic_search`; returns its structured content.
    pub async fn search(&self, account: Option<Account>, query: &str) -> Value {
        // Without an embedder the answer is keyword search, and says so.
        self.call_ok(
            account,
            "nc_semantic_search",
            json!({"query": query, "limit": 20}),
        )
        .await
    }

    /// Titles of a search's results.
    pub async fn titles(&self, account: Option<Account>, query: &str) -> Vec<String> {
        let answer = self.search(account, query).await;
        answer["results"]
            .as_array()
            .expect("results")
            .iter()
            .map(|hit| hit["title"].as_str().unwrap().to_owned())
            .collect()
    }

    pub async fn sync_status(&self) -> Value {
        self.http
            .get(self.url("/api/v1/vector-sync/status"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    /// Waits until a condition on the search's titles holds.
    pub async fn until_titles(
        &self,
        account: Option<Account>,
        query: &str,
        what: &str,
        holds: impl Fn(&[String]) -> bool,
    ) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let titles = self.titles(account, query).await;
            if holds(&titles) {
                return titles;
            }
            assert!(
                Instant::now() < deadline,
                "never happened: {what}; last titles {titles:?}"
            );
            pause().await;
        }
    }

    /// Waits until the sync status satisfies a condition.
    pub async fn until_status(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.sync_status().await;
            if holds(&status) {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "never happened: {what}; last status {status:#}"
            );
            pause().await;
        }
    }
}

/// Gives a running server a moment: what tests of another process or of its background work poll with.
pub async fn pause() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// A statement on the cluster, outside any test's own database.
pub async fn admin(statement: &str) {
    let mut connection = sqlx::PgConnection::connect(&cluster_url()).await.unwrap();
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()))
        .execute(&mut connection)
        .await
        .unwrap();
}

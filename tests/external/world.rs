//! A server with an identity provider, a simulated Nextcloud, and clients.

use crate::harness::{PATIENCE, client, fresh_database, pause};
use crate::identity_provider::{IdentityProvider, SERVER_CLIENT};
use crate::person;
use nextcloud_mcp_server::app::{RunningServer, StartOptions};
use nextcloud_mcp_server::config::{CliOverrides, Config, Environment};
use nextcloud_sim::{BrowserSession, Page, Simulator};
use serde_json::{Value, json};
use sqlx::Connection as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;
use std::time::Instant;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Setup {
    port: u16,
    env: Vec<(String, String)>,
}

impl Setup {
    /// OAuth mode with stored consents, without sync.
    pub fn oauth() -> Self {
        let port = free_port();
        Self {
            port,
            env: Vec::new(),
        }
        .set("NEXTCLOUD_MCP_SERVER_URL", &format!("http://127.0.0.1:{port}"))
        .set("ENABLE_OFFLINE_ACCESS", "true")
        .set(
            "TOKEN_ENCRYPTION_KEY",
            "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        )
        .set("VECTOR_SYNC_ENABLED", "false")
        .set("METRICS_ENABLED", "false")
    }

    /// Hybrid mode with sync, keyword search only.
    pub fn hybrid() -> Self {
        Self::oauth()
            .set("ENABLE_MULTI_USER_BASIC_AUTH", "true")
            .set("VECTOR_SYNC_ENABLED", "true")
            .set("EMBEDDING_PROVIDER", "none")
            .set("VECTOR_SYNC_SCAN_INTERVAL", "1")
    }

    /// Uses the client that the provider knows from its start.
    pub fn with_client(self) -> Self {
        let (id, secret) = SERVER_CLIENT;
        self.set("NEXTCLOUD_OIDC_CLIENT_ID", id)
            .set("NEXTCLOUD_OIDC_CLIENT_SECRET", secret)
    }

    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(known, _)| known != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The server's own address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the server makes of it.
    pub fn config(&self) -> Config {
        let pairs = self
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let overrides = CliOverrides {
            port: Some(self.port),
            ..CliOverrides::default()
        };
        Config::load(&Environment::from_pairs(pairs), &overrides).expect("a valid configuration")
    }

    async fn start(&self) -> RunningServer {
        let options = StartOptions {
            sandbox_program: Some(env!("CARGO_BIN_EXE_nextcloud-mcp-server").into()),
            ..StartOptions::default()
        };
        RunningServer::start(self.config(), options)
            .await
            .expect("the server starts")
    }
}

/// A port below those that the system gives to whoever asks for any: another test does not get it meanwhile.
fn free_port() -> u16 {
    loop {
        let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
        let port = 20_000 + u16::try_from(random % 12_000).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

/// Everything that runs for one test.
pub struct World {
    pub nextcloud: Simulator,
    pub setup: Setup,
    pub database: String,
    server: Option<RunningServer>,
    /// Further servers, by their base URL.
    processes: Vec<(String, Child)>,
    http: reqwest::Client,
    /// Holds the data directory until the test ends.
    data: TempDir,
}

impl World {
    /// A server whose identity provider is Nextcloud's own.
    pub async fn at_nextcloud(setup: Setup, nextcloud: Simulator) -> Self {
        let data = tempfile::tempdir().unwrap();
        let database = fresh_database().await;
        let setup = setup
            .set("NEXTCLOUD_HOST", &nextcloud.url())
            .set("DATABASE_URL", &database)
            .set("DATA_DIR", data.path().to_str().unwrap());
        let server = setup.start().await;
        Self {
            nextcloud,
            server: Some(server),
            processes: Vec::new(),
            database,
            http: client(),
            data,
            setup,
        }
    }

    /// A server whose identity provider is `oidc-provider`, whose JWTs Nextcloud accepts.
    pub async fn at_provider(setup: Setup) -> (Self, IdentityProvider) {
        let nextcloud = Simulator::start().await;
        let settings = IdentityProvider::settings(&setup.url(), &nextcloud.url());
        Self::at_provider_with(setup, nextcloud, settings).await
    }

    /// The same with other settings of the provider.
    pub async fn at_provider_with(
        setup: Setup,
        nextcloud: Simulator,
        settings: Value,
    ) -> (Self, IdentityProvider) {
        let provider = IdentityProvider::start(settings).await;
        nextcloud.world().oidc().trust_issuer(&provider.issuer);
        let discovery = format!("{}/.well-known/openid-configuration", provider.issuer);
        let world = Self::at_nextcloud(setup.set("OIDC_DISCOVERY_URL", &discovery), nextcloud).await;
        world.until_provider_is_known().await;
        (world, provider)
    }

    /// Discovery runs in the background.
    pub async fn until_provider_is_known(&self) {
        self.until_provider_is_known_at(&self.setup.url()).await;
    }

    async fn until_provider_is_known_at(&self, base: &str) {
        let page = format!("{base}/oauth/authorize-nextcloud");
        until("the identity provider is known", async || {
            let answer = self.http.get(&page).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }

    /// A directory that is gone after the test.
    pub fn scratch(&self) -> &std::path::Path {
        self.data.path()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.setup.url())
    }

    /// Starts one more server of the same installation, in a process of its own.
    pub async fn add_process(&mut self) {
        let port = free_port();
        let process = Command::new(env!("CARGO_BIN_EXE_nextcloud-mcp-server"))
            .args(["serve", "--port", &port.to_string()])
            .envs(self.setup.env.clone())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let base = format!("http://127.0.0.1:{port}");
        self.processes.push((base.clone(), process));
        self.until_provider_is_known_at(&base).await;
    }

    /// Stops the server and starts it again.
    pub async fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        self.server = Some(self.setup.start().await);
        self.until_provider_is_known().await;
    }

    /// The base URL of each server.
    pub fn bases(&self) -> Vec<String> {
        let further = self.processes.iter().map(|(base, _)| base.clone());
        std::iter::once(self.setup.url()).chain(further).collect()
    }

    /// `login` allows background access in a browser; the page at the end.
    pub async fn consent(&self, login: &str) -> Page {
        person::allow(login, &self.url("/oauth/authorize-nextcloud")).await
    }

    /// The same, and it must succeed.
    pub async fn consent_ok(&self, login: &str) {
        let page = self.consent(login).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.url.path(), "/oauth/callback", "{}", page.body);
    }

    /// A page of the server, as a browser without a session gets it.
    pub async fn page(&self, path: &str) -> Page {
        let mut browser = BrowserSession::new();
        browser.get(&self.url(path)).await.unwrap()
    }

    /// A connection to the server's database.
    pub async fn sql(&self) -> sqlx::PgConnection {
        sqlx::PgConnection::connect(&self.database).await.unwrap()
    }

    /// How many consents are stored.
    pub async fn grants(&self) -> i64 {
        let count = sqlx::query_scalar("select count(*) from grants");
        count.fetch_one(&mut self.sql().await).await.unwrap()
    }

    /// A request to `/mcp` as `caller`.
    pub async fn mcp(&self, caller: &Caller, method: &str, params: Value) -> Answer {
        self.mcp_at(&self.setup.url(), caller, method, params).await
    }

    /// A request to `/mcp` of the server at `base`.
    pub async fn mcp_at(&self, base: &str, caller: &Caller, method: &str, params: Value) -> Answer {
        let request = self
            .http
            .post(format!("{base}/mcp"))
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", "2025-11-25")
            .json(&json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}));
        let request = match caller {
            Caller::Basic { login, password } => request.basic_auth(login, Some(password)),
            Caller::Bearer(token) => request.bearer_auth(token),
        };
        let response = request.send().await.unwrap();
        Answer {
            status: response.status().as_u16(),
            challenge: response
                .headers()
                .get("www-authenticate")
                .map(|value| value.to_str().unwrap().to_owned()),
            body: response.json().await.unwrap_or_default(),
        }
    }

    /// Whether `caller` gets in.
    pub async fn status(&self, caller: &Caller) -> u16 {
        self.mcp(caller, "tools/list", json!({})).await.status
    }

    /// Calls a tool that must succeed; its structured content.
    pub async fn call_ok(&self, caller: &Caller, tool: &str, arguments: Value) -> Value {
        let params = json!({"name": tool, "arguments": arguments});
        let answer = self.mcp(caller, "tools/call", params).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_ne!(answer.body["result"]["isError"], true, "{answer:?}");
        answer.body["result"]["structuredContent"].clone()
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Caller {
    Basic {
        login: &'static str,
        password: &'static str,
    },
    Bearer(String),
}

/// An answer of `/mcp`.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub challenge: Option<String>,
    pub body: Value,
}

/// Waits until something in the background has happened.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "never happened: {what}");
        pause().await;
    }
}

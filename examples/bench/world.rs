//! A server against a simulated Nextcloud, for the benches.

use nextcloud_mcp_server::app::{RunningServer, StartOptions};
use nextcloud_mcp_server::config::{CliOverrides, Config, Environment};
use nextcloud_sim::Simulator;
use serde_json::Value;
use sqlx::Connection;
use std::error::Error;
use std::time::{Duration, Instant};

pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// What the server seals secrets with, also as it is configured.
pub const ENCRYPTION_KEY: &[u8; 32] = b"bench only: a key that everyone ";
const ENCRYPTION_KEY_TEXT: &str = "YmVuY2ggb25seTogYSBrZXkgdGhhdCBldmVyeW9uZSA=";

/// A running server and what it talks to.
pub struct World {
    pub simulator: Simulator,
    pub server: RunningServer,
    pub http: reqwest::Client,
    database: String,
    /// Holds the data directory until the server is gone.
    data: tempfile::TempDir,
}

impl World {
    /// Starts a server in hybrid mode for a prepared simulator; `extra` overrides the environment.
    pub async fn start(simulator: Simulator, extra: &[(&str, &str)]) -> Outcome<Self> {
        let data = tempfile::tempdir()?;
        let database = fresh_database().await?;
        let url = simulator.url();
        let directory = data.path().to_string_lossy().into_owned();
        let mut pairs = vec![
            ("NEXTCLOUD_HOST", url.as_str()),
            ("ENABLE_MULTI_USER_BASIC_AUTH", "true"),
            ("ENABLE_OFFLINE_ACCESS", "true"),
            ("VECTOR_SYNC_ENABLED", "true"),
            ("TOKEN_ENCRYPTION_KEY", ENCRYPTION_KEY_TEXT),
            ("METRICS_ENABLED", "false"),
            ("LOG_LEVEL", "error"),
            ("EMBEDDING_PROVIDER", "none"),
            ("DATABASE_URL", database.as_str()),
            ("DATA_DIR", directory.as_str()),
        ];
        pairs.extend_from_slice(extra);
        let overrides = CliOverrides {
            // Any free one, unless somebody must know it before.
            port: extra.iter().all(|(name, _)| *name != "PORT").then_some(0),
            ..CliOverrides::default()
        };
        let config = Config::load(&Environment::from_pairs(pairs), &overrides)
            .map_err(|problems| problems.to_string())?;
        let server = RunningServer::start(config, StartOptions::default()).await?;
        Ok(Self {
            simulator,
            server,
            http: client()?,
            data,
            database,
        })
    }

    /// The server's database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Cuts every connection to the server's database and refuses new ones, as when `PostgreSQL` is stopped.
    pub async fn cut_database(&self) -> Outcome<()> {
        let url = url::Url::parse(&self.database)?;
        let name = url.path().trim_start_matches('/');
        let mut connection = sqlx::PgConnection::connect(&dotenvy::var("DATABASE_URL")?).await?;
        for statement in [
            format!("alter database {name} with allow_connections false"),
            format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"),
        ] {
            sqlx::raw_sql(sqlx::AssertSqlSafe(statement))
                .execute(&mut connection)
                .await?;
        }
        Ok(())
    }

    /// Takes the files of the index away, or brings them back.
    pub fn move_index(&self, is_there: bool) -> std::io::Result<()> {
        let (here, away) = (self.data.path().join("index"), self.data.path().join("away"));
        let (from, to) = if is_there { (away, here) } else { (here, away) };
        std::fs::rename(from, to)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.address())
    }

    /// Hands over an app password for background sync.
    pub async fn provision(&self, user: &str) -> Outcome<()> {
        let password = self.simulator.world().app_password(user);
        let address = self.url(&format!("/api/v1/users/{user}/app-password"));
        self.http
            .post(address)
            .basic_auth(user, Some(password))
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    /// How long the last complete scan of files took, as the server itself noted it.
    pub async fn last_scan_seconds(&self) -> Outcome<f64> {
        let mut connection = sqlx::PgConnection::connect(&self.database).await?;
        let seconds = "select extract(epoch from completed_at - started_at)::float8 from scans
                       where source = 'files' and completed_at > started_at";
        Ok(sqlx::query_scalar(seconds).fetch_one(&mut connection).await?)
    }

    /// A number out of the server's database.
    pub async fn number(&self, query: &'static str) -> Outcome<i64> {
        let mut connection = sqlx::PgConnection::connect(&self.database).await?;
        Ok(sqlx::query_scalar(query).fetch_one(&mut connection).await?)
    }

    /// Where the embedded index keeps its files.
    pub fn index_directory(&self) -> std::path::PathBuf {
        self.data.path().join("index")
    }

    /// Polls the sync status until `holds`; returns it and the seconds waited.
    pub async fn until(&self, holds: impl Fn(&Value) -> bool) -> Outcome<(Value, f64)> {
        let begun = Instant::now();
        loop {
            let status: Value = self
                .http
                .get(self.url("/api/v1/vector-sync/status"))
                .send()
                .await?
                .json()
                .await?;
            if holds(&status) {
                return Ok((status, begun.elapsed().as_secs_f64()));
            }
            if begun.elapsed() > Duration::from_mins(5) {
                return Err(format!("never happened: {status}").into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A port that is free now.
pub fn free_port() -> Outcome<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[expect(clippy::disallowed_methods, reason = "a plain client of the server")]
pub fn client() -> Outcome<reqwest::Client> {
    Ok(reqwest::Client::builder().build()?)
}

/// A database of its own on the cluster that `DATABASE_URL` names.
pub async fn fresh_database() -> Outcome<String> {
    let base = dotenvy::var("DATABASE_URL")?;
    let name = format!("bench_{}", uuid::Uuid::new_v4().simple());
    let mut connection = sqlx::PgConnection::connect(&base).await?;
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("create database {name}")))
        .execute(&mut connection)
        .await?;
    let mut url = url::Url::parse(&base)?;
    url.set_path(&name);
    Ok(url.to_string())
}

//! Listening, roles and the public face.

use secrecy::SecretString;
use std::net::{IpAddr, SocketAddr};
use url::Url;

/// Which parts this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// API and worker in one process.
    All,
    /// Only HTTP.
    Api,
    /// Only background jobs.
    Worker,
}

/// Listening, roles and the public face.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// `HOST` and `PORT`.
    pub listen: SocketAddr,
    /// `MCP_ROLE`.
    pub role: Role,
    /// `NEXTCLOUD_MCP_SERVER_URL`: this server as its clients reach it.
    pub public_url: Url,
    /// `MCP_ALLOWED_HOSTS`: further host names allowed on `/mcp` beside the public URL's and loopback.
    pub allowed_hosts: Vec<String>,
    /// `MCP_ALLOWED_ORIGINS`: browser origins allowed on `/mcp` beside the public URL's and loopback.
    pub allowed_origins: Vec<String>,
    /// `TRUSTED_PROXIES`: whose `X-Forwarded-*` counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// `MCP_ACCESS_TOKEN`: bearer asked of clients in single-user mode.
    pub access_token: Option<SecretString>,
    /// Seconds that running work gets at SIGTERM.
    pub shutdown_grace_seconds: u64,
}

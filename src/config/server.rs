//! Listening, roles and the public face.

use super::reader::Reader;
use super::variables::Variable;
use super::{Mode, variables};
use secrecy::SecretString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
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
    /// `WEBHOOK_INTERNAL_URL`: this server as Nextcloud's background jobs reach it, where that differs.
    pub webhook_internal_url: Option<Url>,
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

impl Role {
    /// As `MCP_ROLE` and `--role` write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }
}

impl ServerConfig {
    pub(super) fn load(reader: &mut Reader<'_>, mode: Option<&Mode>) -> Option<Self> {
        let listen = SocketAddr::new(
            address(reader, variables::HOST),
            reader.number(variables::PORT, 8000, 0..=u16::MAX),
        );
        let access_token = reader.secret(variables::MCP_ACCESS_TOKEN);
        let allowed_open = reader.flag(variables::ALLOW_UNAUTHENTICATED_REMOTE, false);
        let is_open =
            matches!(mode, Some(Mode::SingleUserBasic { .. })) && !reader.is_set(variables::MCP_ACCESS_TOKEN);
        if is_open && !listen.ip().is_loopback() {
            if allowed_open {
                reader.warn(format!(
                    "whoever reaches {listen} acts as the configured user (ALLOW_UNAUTHENTICATED_REMOTE)"
                ));
            } else {
                reader.problem(
                    variables::HOST,
                    format!(
                        "single-user mode asks for no credentials, and {} is reachable from elsewhere",
                        listen.ip()
                    ),
                    "Listen on 127.0.0.1, set MCP_ACCESS_TOKEN, or set ALLOW_UNAUTHENTICATED_REMOTE=true.",
                );
            }
        }
        let public_url = match reader.url(variables::NEXTCLOUD_MCP_SERVER_URL) {
            Some(url) => Some(url),
            // A wrong one is already a problem; the default always parses.
            None => Url::parse(&format!("http://localhost:{}", listen.port())).ok(),
        };
        Some(Self {
            listen,
            role: role(reader),
            public_url: public_url?,
            webhook_internal_url: reader.url(variables::WEBHOOK_INTERNAL_URL),
            allowed_hosts: reader.list(variables::MCP_ALLOWED_HOSTS),
            allowed_origins: reader.list(variables::MCP_ALLOWED_ORIGINS),
            trusted_proxies: trusted_proxies(reader),
            access_token,
            shutdown_grace_seconds: reader.number(variables::SHUTDOWN_GRACE_SECONDS, 20, 0..=600),
        })
    }
}

fn role(reader: &mut Reader<'_>) -> Role {
    match reader
        .text(variables::MCP_ROLE)
        .map(str::to_ascii_lowercase)
        .as_deref()
    {
        None | Some("all") => Role::All,
        Some("api") => Role::Api,
        Some("worker") => Role::Worker,
        Some(_) => {
            reader.problem(variables::MCP_ROLE, "unknown role", "Write all, api or worker.");
            Role::All
        }
    }
}

fn trusted_proxies(reader: &mut Reader<'_>) -> Vec<IpAddr> {
    let parts = reader.list(variables::TRUSTED_PROXIES);
    let addresses: Vec<IpAddr> = parts.iter().filter_map(|part| part.parse().ok()).collect();
    if addresses.len() < parts.len() {
        let fix = "Write addresses such as 10.0.0.2, separated by commas.";
        reader.problem(
            variables::TRUSTED_PROXIES,
            "holds something that is not an IP address",
            fix,
        );
    }
    addresses
}

/// The address in `variable`; loopback when unset.
pub(super) fn address(reader: &mut Reader<'_>, variable: &Variable) -> IpAddr {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    match reader.text(variable) {
        None | Some("localhost") => loopback,
        Some(value) => value.trim_matches(['[', ']']).parse().unwrap_or_else(|_| {
            reader.problem(
                variable,
                "not an IP address",
                "Write 127.0.0.1, or 0.0.0.0 for all interfaces.",
            );
            loopback
        }),
    }
}

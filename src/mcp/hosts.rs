//! Which host names and browser origins `/mcp` answers to: the guard against DNS rebinding.

use crate::config::ServerConfig;
use url::Url;

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Allowed `Host` and `Origin` values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPolicy {
    pub(super) hosts: Vec<String>,
    pub(super) origins: Vec<String>,
}

impl HostPolicy {
    /// Loopback, the public URL and what the configuration adds. A name without port stands for every port.
    pub fn new(server: &ServerConfig) -> Self {
        let mut hosts: Vec<String> = LOOPBACK.map(str::to_owned).to_vec();
        hosts.extend(server.public_url.host_str().map(str::to_owned));
        hosts.extend(server.allowed_hosts.iter().cloned());
        let mut origins: Vec<String> = Vec::new();
        for host in LOOPBACK {
            origins.push(format!("http://{host}:*"));
            origins.push(format!("https://{host}:*"));
        }
        origins.extend(origin_of(&server.public_url));
        origins.extend(server.allowed_origins.iter().map(|origin| {
            Url::parse(origin)
                .ok()
                .as_ref()
                .and_then(origin_of)
                .unwrap_or_else(|| origin.clone())
        }));
        Self { hosts, origins }
    }
}

/// `scheme://host:port` with the port written out.
fn origin_of(url: &Url) -> Option<String> {
    Some(format!(
        "{}://{}:{}",
        url.scheme(),
        url.host_str()?,
        url.port_or_known_default()?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Role;

    #[test]
    fn the_public_url_and_additions_join_loopback() {
        let policy = HostPolicy::new(&ServerConfig {
            listen: "127.0.0.1:8000".parse().unwrap(),
            role: Role::All,
            public_url: "https://mcp.example.org/base".parse().unwrap(),
            webhook_internal_url: None,
            allowed_hosts: vec!["mcp:8000".into()],
            allowed_origins: vec![
                "https://inspector.example.org".into(),
                "http://app.example.org:*".into(),
            ],
            trusted_proxies: Vec::new(),
            access_token: None,
            shutdown_grace_seconds: 10,
        });
        assert_eq!(
            policy.hosts,
            ["localhost", "127.0.0.1", "[::1]", "mcp.example.org", "mcp:8000"]
        );
        assert_eq!(
            policy.origins[6..],
            [
                "https://mcp.example.org:443",
                "https://inspector.example.org:443",
                "http://app.example.org:*"
            ]
        );
    }
}

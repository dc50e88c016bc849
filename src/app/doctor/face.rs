//! How clients and browsers reach this server.

use super::{Finding, uses_oauth};
use crate::config::{Config, Mode};
use url::{Host, Url};

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if uses_oauth(&config.mode) {
        findings.push(public_url(&config.server.public_url));
    }
    if !matches!(config.mode, Mode::SingleUserBasic { .. }) {
        let proxies = config.server.trusted_proxies.len();
        findings.extend(proxy(&config.server.public_url, proxies));
    }
    findings
}

/// The consent ends at this URL, and tokens are made for it: it must be the one that browsers use.
fn public_url(url: &Url) -> Finding {
    const NAME: &str = "public url";
    let text = url.as_str().trim_end_matches('/');
    if url.scheme() == "https" {
        Finding::ok(NAME, text)
    } else if is_loopback(url) {
        Finding::warning(
            NAME,
            format!("{text} works for browsers on this machine only"),
            "NEXTCLOUD_MCP_SERVER_URL=https://mcp.example.com   # through a reverse proxy with TLS",
        )
    } else {
        Finding::problem(
            NAME,
            format!("{text} is not https: passwords, tokens and cookies cross the network readable"),
            "put a reverse proxy with TLS before it and set NEXTCLOUD_MCP_SERVER_URL=https://mcp.example.com",
        )
    }
}

/// This server speaks plain HTTP: behind https there is a proxy, whose `X-Forwarded-For` must count.
fn proxy(url: &Url, trusted: usize) -> Option<Finding> {
    const NAME: &str = "trusted proxies";
    match (url.scheme(), trusted) {
        ("https", 0) => Some(Finding::warning(
            NAME,
            "the proxy before this server is not trusted: all clients share one budget for wrong passwords",
            "TRUSTED_PROXIES=<the proxy's address as this server sees it>",
        )),
        (_, 0) => None,
        (_, count) => Some(Finding::ok(NAME, format!("{count} named"))),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn only_https_is_right_for_others() {
        let state = |url: &str| public_url(&Url::parse(url).unwrap()).state;
        assert_eq!(state("https://mcp.example.com"), State::Ok);
        assert_eq!(state("http://localhost:8000"), State::Warning);
        assert_eq!(state("http://[::1]:8000"), State::Warning);
        assert_eq!(state("http://10.0.0.5:8000"), State::Problem);
    }

    #[test]
    fn https_without_a_trusted_proxy_is_told() {
        let proxy = |url: &str, trusted| proxy(&Url::parse(url).unwrap(), trusted).map(|found| found.state);
        assert_eq!(proxy("https://mcp.example.com", 0), Some(State::Warning));
        assert_eq!(proxy("https://mcp.example.com", 1), Some(State::Ok));
        assert_eq!(proxy("http://localhost:8000", 0), None);
    }
}

//! The address of the client, behind trusted proxies or not.

use http::{HeaderMap, request::Parts};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Address of the client, in the request's extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// The peer's address; when the peer is one of `trusted` proxies, the nearest address in `X-Forwarded-For`
    /// that is not. A client can write what it likes into that header, so only what trusted proxies added counts.
    pub(super) fn of(parts: &Parts, trusted: &[IpAddr]) -> Self {
        let peer = parts
            .extensions
            .get::<axum::extract::ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |info| {
                info.0.ip().to_canonical()
            });
        if trusted.contains(&peer) {
            Self(nearest_untrusted(&parts.headers, trusted).unwrap_or(peer))
        } else {
            Self(peer)
        }
    }
}

fn nearest_untrusted(headers: &HeaderMap, trusted: &[IpAddr]) -> Option<IpAddr> {
    let lines: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect();
    for hop in lines.iter().rev().flat_map(|line| line.rsplit(',')) {
        let address = parse_hop(hop.trim())?;
        if !trusted.contains(&address) {
            return Some(address);
        }
    }
    None
}

/// An address, with or without port. Anything else ends the chain: nothing before it can be believed.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>()
        .ok()
        .or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
        .map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::extract::ConnectInfo;

    fn address(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut request = http::Request::builder();
        for line in forwarded {
            request = request.header("x-forwarded-for", *line);
        }
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let peer: SocketAddr = peer.parse().unwrap();
        parts.extensions.insert(ConnectInfo(peer));
        let trusted: Vec<IpAddr> = trusted.iter().map(|address| address.parse().unwrap()).collect();
        ClientAddress::of(&parts, &trusted).0.to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(address("192.0.2.1:1000", &["198.51.100.9"], &[]), "192.0.2.1");
        assert_eq!(
            address("10.0.0.1:1000", &["198.51.100.9"], &["10.0.0.1"]),
            "198.51.100.9"
        );
        assert_eq!(
            address(
                "10.0.0.1:1",
                &["1.1.1.1, 198.51.100.9, 10.0.0.2"],
                &["10.0.0.1", "10.0.0.2"]
            ),
            "198.51.100.9"
        );
        assert_eq!(
            address("10.0.0.1:1", &["1.1.1.1", "198.51.100.9:4711"], &["10.0.0.1"]),
            "198.51.100.9"
        );
        assert_eq!(
            address("10.0.0.1:1", &["1.1.1.1, nonsense"], &["10.0.0.1"]),
            "10.0.0.1"
        );
        assert_eq!(
            address("10.0.0.1:1", &["[2001:db8::7]"], &["10.0.0.1"]),
            "2001:db8::7"
        );
        assert_eq!(address("10.0.0.1:1", &[], &["10.0.0.1"]), "10.0.0.1");
        assert_eq!(
            address("[::ffff:10.0.0.1]:1", &["2001:db8::7"], &["10.0.0.1"]),
            "2001:db8::7"
        );
    }
}

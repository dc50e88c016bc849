//! The one place that decides which of `NEXTCLOUD_HOST`, `NEXTCLOUD_PUBLIC_URL`, `NEXTCLOUD_PUBLIC_ISSUER_URL` and
//! `NEXTCLOUD_MCP_SERVER_URL` is used where.

use crate::config::Config;
use url::Url;

/// The URLs of the OAuth flows.
#[derive(Debug, Clone)]
pub struct OAuthUrls {
    /// Nextcloud as this server reaches it.
    nextcloud: Url,
    /// Nextcloud as a browser reaches it.
    nextcloud_public: Url,
    /// The discovery document of the identity provider, where it is configured.
    discovery: Option<Url>,
    /// The identity provider as a browser reaches it, where it differs.
    public_issuer: Option<Url>,
    /// This server as its clients reach it.
    server: Url,
}

impl OAuthUrls {
    /// The URLs of `config`.
    pub fn new(config: &Config) -> Self {
        Self {
            nextcloud: config.nextcloud.host.clone(),
            nextcloud_public: config.nextcloud.public_url.clone(),
            discovery: config.oidc.discovery_url.clone(),
            public_issuer: config.oidc.public_issuer_url.clone(),
            server: config.server.public_url.clone(),
        }
    }

    /// An address of this server for browsers and clients; `path` begins with a slash.
    pub fn server(&self, path: &str) -> String {
        format!("{}{path}", self.server.as_str().trim_end_matches('/'))
    }

    /// The redirect URI of consent and login.
    pub fn callback(&self) -> String {
        self.server("/oauth/callback")
    }

    /// The other redirect URI, under which clients may be registered too.
    pub fn callback_alias(&self) -> String {
        self.server("/oauth/callback-nextcloud")
    }

    /// The resource that MCP tokens are for (RFC 8707, RFC 9728).
    pub fn resource(&self) -> String {
        self.server("/mcp")
    }

    /// Audiences that name this server (DESIGN §4): its URL, or it with `/mcp`.
    pub fn audiences(&self) -> [String; 2] {
        [self.server(""), self.resource()]
    }

    /// Nextcloud for links that a browser follows; `path` begins with a slash.
    pub fn nextcloud_page(&self, path: &str) -> String {
        format!("{}{path}", self.nextcloud_public.as_str().trim_end_matches('/'))
    }

    /// Whether `url` is at the configured Nextcloud, by either of its addresses.
    pub fn is_at_nextcloud(&self, url: &Url) -> bool {
        [&self.nextcloud, &self.nextcloud_public]
            .into_iter()
            .any(|own| own.origin() == url.origin())
    }

    /// Where the discovery document of the identity provider is looked for, one address after the other: the
    /// configured one, else Nextcloud's well-known one, else the route of the `oidc` app behind it (facts §3).
    pub fn discovery_candidates(&self) -> Vec<Url> {
        if let Some(configured) = &self.discovery {
            return vec![configured.clone()];
        }
        let base = self.nextcloud.as_str().trim_end_matches('/');
        [
            "/.well-known/openid-configuration",
            "/index.php/apps/oidc/openid-configuration",
        ]
        .into_iter()
        .filter_map(|path| Url::parse(&format!("{base}{path}")).ok())
        .collect()
    }

    /// Base addresses of the configured Nextcloud, without a slash at the end.
    pub(super) fn nextcloud_bases(&self) -> [&str; 2] {
        [&self.nextcloud, &self.nextcloud_public].map(|url| url.as_str().trim_end_matches('/'))
    }

    /// The public address of the identity provider, where one is configured.
    pub(super) fn public_issuer(&self) -> Option<&Url> {
        self.public_issuer.as_ref()
    }

    /// An endpoint as a browser reaches it: what stands at the address that this server uses is moved to the public
    /// one.
    pub fn for_browser(&self, endpoint: &Url) -> Url {
        let internal = self.provider_as_reached();
        let public = match &self.public_issuer {
            Some(public) => Some(public),
            None if self.provider_is_at_nextcloud() => Some(&self.nextcloud_public),
            None => None,
        };
        match public {
            Some(public) if endpoint.origin() == internal.origin() => moved(endpoint, public),
            _ => endpoint.clone(),
        }
    }

    /// An endpoint as this server reaches it: what stands at a public address of the provider is asked at the address
    /// that this server uses.
    pub fn for_server(&self, endpoint: &Url) -> Url {
        let own = Some(&self.nextcloud_public).filter(|_| self.provider_is_at_nextcloud());
        let is_public = own
            .into_iter()
            .chain(&self.public_issuer)
            .any(|public| public.origin() == endpoint.origin());
        if is_public {
            moved(endpoint, self.provider_as_reached())
        } else {
            endpoint.clone()
        }
    }

    fn provider_is_at_nextcloud(&self) -> bool {
        self.discovery
            .as_ref()
            .is_none_or(|discovery| self.is_at_nextcloud(discovery))
    }

    /// The address that this server asks for the identity provider: only the origin counts.
    fn provider_as_reached(&self) -> &Url {
        match &self.discovery {
            Some(discovery) if !self.is_at_nextcloud(discovery) => discovery,
            _ => &self.nextcloud,
        }
    }
}

/// `endpoint` with scheme, host and port of `to`.
fn moved(endpoint: &Url, to: &Url) -> Url {
    let path_and_query = &endpoint[url::Position::BeforePath..];
    Url::parse(&format!("{}{path_and_query}", to.origin().ascii_serialization()))
        .unwrap_or_else(|_| endpoint.clone())
}

#[cfg(test)]
mod tests {
    use super::super::testing::config;
    use super::*;

    fn urls(settings: &[(&str, &str)]) -> OAuthUrls {
        OAuthUrls::new(&config("http://nextcloud:8080", settings))
    }

    fn both_ways(urls: &OAuthUrls, endpoint: &str) -> [String; 2] {
        let endpoint = Url::parse(endpoint).unwrap();
        [urls.for_browser(&endpoint), urls.for_server(&endpoint)].map(String::from)
    }

    #[test]
    fn nextcloud_has_one_address_for_browsers_and_one_for_this_server() {
        let urls = urls(&[("NEXTCLOUD_PUBLIC_URL", "https://cloud.example.test")]);
        for told in ["http://nextcloud:8080", "https://cloud.example.test"] {
            assert_eq!(
                both_ways(&urls, &format!("{told}/apps/oidc/token?a=b")),
                [
                    "https://cloud.example.test/apps/oidc/token?a=b",
                    "http://nextcloud:8080/apps/oidc/token?a=b"
                ]
            );
        }
        let candidates: Vec<String> = urls
            .discovery_candidates()
            .into_iter()
            .map(String::from)
            .collect();
        assert_eq!(
            candidates,
            [
                "http://nextcloud:8080/.well-known/openid-configuration",
                "http://nextcloud:8080/index.php/apps/oidc/openid-configuration"
            ]
        );
    }

    #[test]
    fn the_public_issuer_stands_before_the_public_address_of_nextcloud() {
        let urls = urls(&[("NEXTCLOUD_PUBLIC_ISSUER_URL", "https://login.example.test")]);
        assert_eq!(
            both_ways(&urls, "http://nextcloud:8080/apps/oidc/authorize"),
            [
                "https://login.example.test/apps/oidc/authorize",
                "http://nextcloud:8080/apps/oidc/authorize"
            ]
        );
        assert_eq!(
            both_ways(&urls, "https://login.example.test/apps/oidc/token")[1],
            "http://nextcloud:8080/apps/oidc/token"
        );
    }

    #[test]
    fn an_external_provider_is_never_moved_to_nextcloud() {
        let discovery = (
            "OIDC_DISCOVERY_URL",
            "http://idp:9000/realm/.well-known/openid-configuration",
        );
        let plain = urls(&[discovery]);
        let endpoint = "http://idp:9000/realm/token";
        assert_eq!(both_ways(&plain, endpoint), [endpoint, endpoint]);
        let with_public = urls(&[
            discovery,
            ("NEXTCLOUD_PUBLIC_ISSUER_URL", "https://idp.example.test/realm"),
        ]);
        for told in [endpoint, "https://idp.example.test/realm/token"] {
            assert_eq!(
                both_ways(&with_public, told),
                ["https://idp.example.test/realm/token", endpoint]
            );
        }
    }
}

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

    /// An endpoint as a browser reaches it: what the discovery document says of the internal address is moved to the
    /// public one.
    pub fn for_browser(&self, endpoint: &Url) -> Url {
        let public = self.public_issuer.as_ref().unwrap_or(&self.nextcloud_public);
        if endpoint.origin() == self.nextcloud.origin() {
            moved(endpoint, public)
        } else {
            endpoint.clone()
        }
    }

    /// An endpoint as this server reaches it: what stands at Nextcloud's public address is asked at the internal one.
    pub fn for_server(&self, endpoint: &Url) -> Url {
        let is_public = std::iter::once(&self.nextcloud_public)
            .chain(&self.public_issuer)
            .any(|public| public.origin() == endpoint.origin());
        if is_public {
            moved(endpoint, &self.nextcloud)
        } else {
            endpoint.clone()
        }
    }
}

/// `endpoint` with scheme, host and port of `to`.
fn moved(endpoint: &Url, to: &Url) -> Url {
    let path_and_query = &endpoint[url::Position::BeforePath..];
    Url::parse(&format!("{}{path_and_query}", to.origin().ascii_serialization()))
        .unwrap_or_else(|_| endpoint.clone())
}

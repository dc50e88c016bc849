//! The discovery document (`OpenID` Connect Discovery 1.0 §3, RFC 8414 §2), as far as it is used here.

use url::Url;

/// A discovery document whose issuer and endpoints were checked.
#[derive(Debug, Clone)]
pub struct ProviderMetadata {
    /// The issuer as the document names it.
    pub issuer: String,
    /// Every `iss` that tokens may carry: the document's, the public one, the configured list.
    pub accepted_issuers: Vec<String>,
    /// As this server's pages send a browser there.
    pub authorization_endpoint: Url,
    /// As this server reaches it.
    pub token_endpoint: Url,
    /// As this server reaches it.
    pub jwks_uri: Url,
    /// RFC 7662.
    pub introspection_endpoint: Option<Url>,
    /// `OpenID` Connect Core §5.3.
    pub userinfo_endpoint: Option<Url>,
    /// RFC 7009; the `oidc` app has none.
    pub revocation_endpoint: Option<Url>,
    /// RFC 7591; at the `oidc` app only while dynamic registration is on.
    pub registration_endpoint: Option<Url>,
    /// Whether this is the `oidc` app of the configured Nextcloud: its `sub` is the UID, its tokens work there.
    pub is_own_nextcloud: bool,
}

impl ProviderMetadata {
    /// Whether tokens may carry `iss`; a slash at the end makes no difference.
    pub fn accepts_issuer(&self, issuer: &str) -> bool {
        let wanted = issuer.trim_end_matches('/');
        self.accepted_issuers
            .iter()
            .any(|accepted| accepted.trim_end_matches('/') == wanted)
    }
}

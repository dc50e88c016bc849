//! The OAuth client.

use secrecy::SecretString;
use url::Url;

/// The OAuth client at Nextcloud or another identity provider.
#[derive(Debug, Clone, Default)]
pub struct OidcConfig {
    /// `NEXTCLOUD_OIDC_CLIENT_ID`.
    pub client_id: Option<String>,
    /// `NEXTCLOUD_OIDC_CLIENT_SECRET`.
    pub client_secret: Option<SecretString>,
    /// `OIDC_DISCOVERY_URL`; absent: Nextcloud's own.
    pub discovery_url: Option<Url>,
    /// `NEXTCLOUD_PUBLIC_ISSUER_URL`: the issuer as a browser reaches it.
    pub public_issuer_url: Option<Url>,
}

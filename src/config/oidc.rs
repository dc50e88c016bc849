//! The OAuth client.

use super::reader::Reader;
use super::{Mode, variables};
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

impl OidcConfig {
    pub(super) fn load(reader: &mut Reader<'_>, mode: Option<&Mode>) -> Self {
        let client = [
            variables::NEXTCLOUD_OIDC_CLIENT_ID,
            variables::NEXTCLOUD_OIDC_CLIENT_SECRET,
        ];
        if matches!(mode, Some(Mode::SingleUserBasic { .. })) {
            for variable in client {
                if reader.is_set(variable) {
                    reader.problem(
                        variable,
                        "not used in single-user mode",
                        "Unset it, or force OAuth with --oauth.",
                    );
                }
            }
        } else if reader.is_set(client[1]) && !reader.is_set(client[0]) {
            reader.problem(
                client[0],
                "missing beside its secret",
                "Set both, or neither to register at start.",
            );
        }
        Self {
            client_id: reader.text(client[0]).map(str::to_owned),
            client_secret: reader.secret(client[1]),
            discovery_url: reader.url(variables::OIDC_DISCOVERY_URL),
            public_issuer_url: reader.url(variables::NEXTCLOUD_PUBLIC_ISSUER_URL),
        }
    }
}

//! The authentication mode.

use crate::ids::LoginName;
use secrecy::SecretString;

/// How MCP callers are authenticated and which credential works in the background (DESIGN §1).
#[derive(Debug, Clone)]
pub enum Mode {
    /// One configured account; the MCP client is trusted.
    SingleUserBasic {
        /// `NEXTCLOUD_USERNAME`.
        login_name: LoginName,
        /// `NEXTCLOUD_PASSWORD`.
        password: SecretString,
    },
    /// Basic per request, checked at Nextcloud, never stored; no background sync.
    MultiUserBasic,
    /// Multi-user Basic for MCP, stored background credentials per user.
    Hybrid,
    /// OAuth bearer tokens.
    OAuth {
        /// `ENABLE_OFFLINE_ACCESS`.
        offline_access: bool,
    },
}

impl Mode {
    /// Whether users may hand over a background credential.
    pub fn stores_credentials(&self) -> bool {
        matches!(self, Self::Hybrid | Self::OAuth { offline_access: true })
    }

    /// `auth_mode` of `/api/v1/status`: `basic`, `multi_user_basic` or `oauth`.
    pub fn status_name(&self) -> &'static str {
        match self {
            Self::SingleUserBasic { .. } => "basic",
            Self::MultiUserBasic | Self::Hybrid => "multi_user_basic",
            Self::OAuth { .. } => "oauth",
        }
    }
}

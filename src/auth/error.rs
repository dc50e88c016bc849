//! Why a caller is refused, and what it should do about it.

use std::time::Duration;

/// How a refused caller may authenticate: the `WWW-Authenticate` header of a 401.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// Login name and password of Nextcloud.
    Basic,
    /// A bearer token.
    Bearer,
}

impl Challenge {
    /// The header value.
    pub fn header(self) -> &'static str {
        match self {
            Self::Basic => r#"Basic realm="Nextcloud", charset="UTF-8""#,
            Self::Bearer => r#"Bearer realm="Nextcloud""#,
        }
    }
}

/// Why a caller is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// No usable credential was sent: 401 with a challenge.
    #[error("authentication is required")]
    Missing(Challenge),
    /// The `Authorization` header cannot be read: 400.
    #[error("the Authorization header is malformed: {0}")]
    Malformed(&'static str),
    /// The `Authorization` header is larger than any real one: 431.
    #[error("the Authorization header is too large")]
    TooLarge,
    /// The credential is wrong: 401 with a challenge.
    #[error("the credential was refused")]
    Refused(Challenge),
    /// Too many wrong passwords; Nextcloud is not asked, or throttles this server itself: 429.
    #[error("too many failed logins, try again later")]
    Throttled {
        /// When a further attempt makes sense.
        retry_after: Duration,
    },
    /// Nextcloud cannot be asked now: 503.
    #[error("Nextcloud cannot check the credential now")]
    Unavailable {
        /// When a further attempt makes sense.
        retry_after: Duration,
    },
}

//! What can go wrong when talking to Nextcloud, from the measured shapes (facts §1).

use std::time::Duration;

/// A failed exchange with Nextcloud.
#[derive(Debug, thiserror::Error)]
pub enum NextcloudError {
    /// Refused connection, DNS, TLS, time-out.
    #[error("Nextcloud could not be reached: {0}")]
    Unreachable(String),
    /// 401: the credential is wrong, expired or its account is disabled.
    #[error("Nextcloud refused the credential")]
    Unauthorized,
    /// The account is disabled (401 `Account disabled`, DAV 503 `DisabledUserException`).
    #[error("the Nextcloud account is disabled")]
    AccountDisabled,
    /// 403.
    #[error("Nextcloud does not allow this: {0}")]
    Forbidden(String),
    /// 404.
    #[error("not found in Nextcloud: {0}")]
    NotFound(String),
    /// 409: a parent folder is missing, or the target exists.
    #[error("conflict: {0}")]
    Conflict(String),
    /// 412: the resource changed meanwhile. The body holds the current state where Nextcloud sends it.
    #[error("the resource changed meanwhile")]
    PreconditionFailed {
        /// Body of the answer, for APIs that send the current state.
        current: Option<String>,
    },
    /// 423.
    #[error("the resource is locked")]
    Locked,
    /// 507.
    #[error("the quota is exhausted")]
    QuotaExceeded,
    /// 429 of the brute-force protection or a rate limit.
    #[error("Nextcloud is throttling this address")]
    Throttled {
        /// `Retry-After`, when sent.
        retry_after: Option<Duration>,
    },
    /// Maintenance mode.
    #[error("Nextcloud is in maintenance mode")]
    Maintenance {
        /// `Retry-After`, when sent.
        retry_after: Option<Duration>,
    },
    /// Another 4xx.
    #[error("Nextcloud refused the request (HTTP {status}): {message}")]
    Rejected {
        /// HTTP status.
        status: u16,
        /// What Nextcloud said, at most 200 characters, never HTML.
        message: String,
    },
    /// Another 5xx.
    #[error("Nextcloud failed (HTTP {status})")]
    ServerError {
        /// HTTP status.
        status: u16,
    },
    /// The answer is cut off or is not what the API promises; nothing may be concluded from it.
    #[error("Nextcloud's answer cannot be understood: {0}")]
    Malformed(String),
    /// The body is larger than the caller allowed.
    #[error("the content is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
}

impl NextcloudError {
    /// Whether the same request may succeed later without anyone acting.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable(_)
                | Self::Throttled { .. }
                | Self::Maintenance { .. }
                | Self::ServerError { .. }
                | Self::Malformed(_)
                | Self::Locked
        )
    }
}

//! Failures of tools as sentences that tell a model what to do next.

use super::backend::DocumentSearchError;
use super::status_cache::StatusError;
use crate::auth::CredentialError;
use crate::nextcloud::NextcloudError;
use crate::search::SearchError;

/// Why a tool did not do its work.
#[derive(Debug)]
pub(super) enum ToolError {
    /// The arguments are wrong: JSON-RPC −32602, the text names the argument.
    Arguments(String),
    /// Nextcloud refused or failed.
    Nextcloud {
        /// What the request was about, as the caller named it.
        subject: Option<String>,
        error: NextcloudError,
    },
    /// The user has not yet given this server access to Nextcloud.
    NotProvisioned,
    /// A sentence for the model.
    Told(String),
    /// A fault of this server; logged, not shown.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl From<NextcloudError> for ToolError {
    fn from(error: NextcloudError) -> Self {
        Self::Nextcloud { subject: None, error }
    }
}

impl From<SearchError> for ToolError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Invalid(text) => Self::Arguments(text),
            SearchError::Unavailable(text) => Self::Told(text),
            refused @ SearchError::CredentialRefused => Self::Told(refused.to_string()),
            SearchError::Internal(cause) => Self::Internal(cause),
        }
    }
}

impl From<CredentialError> for ToolError {
    fn from(error: CredentialError) -> Self {
        match error {
            CredentialError::NotProvisioned => Self::NotProvisioned,
            CredentialError::Unusable(reason) => Self::Told(format!(
                "the access to Nextcloud that the user gave cannot be used: {reason}. Call check_provisioning_status \
                 to learn more, and provision_nextcloud_access to give it anew."
            )),
            CredentialError::Temporary(reason) => Self::Told(format!(
                "the access to Nextcloud that the user gave cannot be used now: {reason}. Try again in a minute."
            )),
            CredentialError::Database(cause) => Self::Internal(Box::new(cause)),
        }
    }
}

impl From<DocumentSearchError> for ToolError {
    fn from(error: DocumentSearchError) -> Self {
        match error {
            DocumentSearchError::Session(error) => error.into(),
            DocumentSearchError::Search(error) => error.into(),
        }
    }
}

impl From<StatusError> for ToolError {
    fn from(error: StatusError) -> Self {
        Self::Internal(Box::new(error))
    }
}

/// Adds what a failed request was about.
pub(super) trait About<T> {
    /// Names the path or the thing.
    fn about(self, subject: impl Into<String>) -> Result<T, ToolError>;
}

impl<T> About<T> for Result<T, NextcloudError> {
    fn about(self, subject: impl Into<String>) -> Result<T, ToolError> {
        self.map_err(|error| ToolError::Nextcloud {
            subject: Some(subject.into()),
            error,
        })
    }
}

/// `{tool} failed: {summary} — "{subject}" (HTTP n). {hint}`
pub(super) fn nextcloud_sentence(tool: &str, subject: Option<&str>, error: &NextcloudError) -> String {
    let Explanation {
        summary,
        status,
        hint,
    } = explain(error);
    let subject = subject
        .map(|subject| format!(" — \"{subject}\""))
        .unwrap_or_default();
    let status = status
        .map(|status| format!(" (HTTP {status})"))
        .unwrap_or_default();
    format!("{tool} failed: {summary}{subject}{status}. {hint}")
}

struct Explanation {
    summary: String,
    status: Option<u16>,
    hint: String,
}

fn explain(error: &NextcloudError) -> Explanation {
    let say = |summary: &str, status: u16, hint: &str| Explanation {
        summary: summary.to_owned(),
        status: Some(status),
        hint: hint.to_owned(),
    };
    let wait = |retry_after: &Option<std::time::Duration>| match retry_after {
        Some(wait) => format!("Wait {} seconds before trying again.", wait.as_secs().max(1)),
        None => "Wait a minute before trying again.".to_owned(),
    };
    match error {
        NextcloudError::Unreachable(_) => Explanation {
            summary: "could not reach Nextcloud".into(),
            status: None,
            hint: "Try again later; if it persists, the administrator should check that Nextcloud runs.".into(),
        },
        NextcloudError::Unauthorized => say(
            "Nextcloud refused the credential",
            401,
            "The password may have been changed or revoked: the user has to sign in again.",
        ),
        NextcloudError::AccountDisabled => {
            say("the Nextcloud account is disabled", 401, "Only an administrator of Nextcloud can enable it.")
        }
        NextcloudError::Forbidden(detail) => Explanation {
            summary: with_detail("Nextcloud does not allow this", detail),
            status: Some(403),
            hint: "The user lacks the permission; do not retry. Ask for another path or for access.".into(),
        },
        NextcloudError::NotFound(_) => {
            say("not found", 404, "Check the spelling, or list or search first to find the right path or id.")
        }
        NextcloudError::Conflict(detail) => Explanation {
            summary: with_detail("conflict", detail),
            status: Some(409),
            hint: "A parent folder may be missing or the target may exist: create the folder or choose another name."
                .into(),
        },
        NextcloudError::PreconditionFailed { .. } => say(
            "it was changed meanwhile, or the target exists",
            412,
            "Read it again and repeat the call with its current etag.",
        ),
        NextcloudError::Locked => say("the resource is locked", 423, "Someone is editing it; try again later."),
        NextcloudError::QuotaExceeded => {
            say("the storage quota is exhausted", 507, "Free some space or ask the administrator for more.")
        }
        NextcloudError::Throttled { retry_after } => {
            Explanation { summary: "too many requests".into(), status: Some(429), hint: wait(retry_after) }
        }
        NextcloudError::Maintenance { retry_after } => Explanation {
            summary: "Nextcloud is in maintenance mode".into(),
            status: Some(503),
            hint: wait(retry_after),
        },
        NextcloudError::Rejected { status, message } => Explanation {
            summary: with_detail("Nextcloud refused the request", message),
            status: Some(*status),
            hint: "Check the arguments.".into(),
        },
        NextcloudError::ServerError { status } => {
            say("Nextcloud failed", *status, "Try again later; if it persists, tell the administrator.")
        }
        NextcloudError::Malformed(_) => Explanation {
            summary: "Nextcloud's answer could not be understood".into(),
            status: None,
            hint: "Try again later; if it persists, tell the administrator.".into(),
        },
        NextcloudError::TooLarge { limit } => Explanation {
            summary: format!("the content is larger than {} MB", limit / 1_000_000),
            status: None,
            hint: "It cannot be transferred by this tool; open it in Nextcloud.".into(),
        },
    }
}

fn with_detail(summary: &str, detail: &str) -> String {
    let detail: String = detail.chars().filter(|c| !c.is_control()).take(200).collect();
    if detail.is_empty() {
        summary.to_owned()
    } else {
        format!("{summary}: {detail}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_tool_subject_status_and_next_step() {
        let text = nextcloud_sentence(
            "nc_webdav_read_file",
            Some("/a.md"),
            &NextcloudError::NotFound("x".into()),
        );
        assert_eq!(
            text,
            "nc_webdav_read_file failed: not found — \"/a.md\" (HTTP 404). \
             Check the spelling, or list or search first to find the right path or id."
        );
        let text = nextcloud_sentence(
            "t",
            None,
            &NextcloudError::Unreachable("connect to 10.0.0.3".into()),
        );
        assert!(text.starts_with("t failed: could not reach Nextcloud. "));
        assert!(!text.contains("10.0.0.3"), "inner addresses stay inside");
    }
}

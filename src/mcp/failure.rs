//! From a failure to what the client is told about it.

use super::error::{ToolError, nextcloud_sentence};
use super::tool::ToolContext;
use crate::nextcloud::NextcloudError;
use rmcp::model::ErrorData;

impl ToolContext {
    /// `error` of `what` (a tool, or `resources/read`) as a sentence with a next step; wrong arguments are an error of
    /// the protocol. A credential that Nextcloud refused is not sent again.
    pub(super) async fn tell(&self, what: &str, error: ToolError) -> Result<String, ErrorData> {
        Ok(match error {
            ToolError::Arguments(fault) => {
                return Err(ErrorData::invalid_params(format!("{what}: {fault}"), None));
            }
            ToolError::Told(sentence) => format!("{what} failed: {sentence}"),
            ToolError::NotProvisioned => {
                format!(
                    "{what} failed: this server has no access to the user's Nextcloud yet. {}",
                    self.first_step().await
                )
            }
            ToolError::Nextcloud { subject, error } => {
                if matches!(error, NextcloudError::Unauthorized) {
                    self.caller.credential_rejected().await;
                }
                nextcloud_sentence(what, subject.as_deref(), &error)
            }
            ToolError::Internal(cause) => {
                tracing::error!(what, cause = &*cause, "tool failed");
                format!(
                    "{what} failed: an internal error occurred. Try again later; if it persists, tell the administrator."
                )
            }
        })
    }

    /// How the user gives access.
    async fn first_step(&self) -> String {
        let Some(provisioning) = &self.services.provisioning else {
            return "This server keeps no credentials: the administrator has to allow bearer pass-through or offline \
                    access."
                .to_owned();
        };
        match provisioning.way(self.caller.principal()).await {
            Ok(way) => way.message,
            Err(_) => "Call provision_nextcloud_access for the link that gives it.".to_owned(),
        }
    }
}

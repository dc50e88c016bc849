//! `check_provisioning_status`.

use super::{sentence, status};
use crate::auth::access::{AccessStatus, CredentialKind, CredentialState};
use crate::auth::scopes::Scope;
use crate::mcp::error::ToolError;
use crate::mcp::tool::{Effect, NoArguments, ToolContext, ToolEntry};
use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Serialize, JsonSchema)]
struct ProvisioningStatus {
    is_provisioned: bool,
    provisioned_at: Option<String>,
    /// `refresh_token` or `app_password`.
    credential_type: Option<&'static str>,
    client_id: Option<String>,
    scopes: Option<Vec<String>>,
    /// `hybrid`: the consent of this server's own page.
    flow_type: Option<&'static str>,
    /// `active`, `refreshing`, `uncertain`, `reauth_required`, `operator_action_required`, `revoked` or
    /// `not_provisioned`.
    state: &'static str,
    since: Option<String>,
    expires_at: Option<String>,
    message: String,
}

impl From<AccessStatus> for ProvisioningStatus {
    fn from(status: AccessStatus) -> Self {
        Self {
            is_provisioned: status.is_provisioned(),
            message: sentence(&status),
            provisioned_at: status.provisioned_at.map(rfc3339),
            credential_type: status.kind.map(|kind| match kind {
                CredentialKind::RefreshToken => "refresh_token",
                CredentialKind::AppPassword => "app_password",
            }),
            flow_type: status.client_id.is_some().then_some("hybrid"),
            client_id: status.client_id,
            scopes: status.scopes,
            state: name(status.state),
            since: status.since.map(rfc3339),
            expires_at: status.expires_at.map(rfc3339),
        }
    }
}

fn name(state: CredentialState) -> &'static str {
    match state {
        CredentialState::Active => "active",
        CredentialState::Refreshing => "refreshing",
        CredentialState::Uncertain => "uncertain",
        CredentialState::ReauthRequired => "reauth_required",
        CredentialState::OperatorActionRequired => "operator_action_required",
        CredentialState::Revoked => "revoked",
        CredentialState::NotProvisioned => "not_provisioned",
    }
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "check_provisioning_status",
        "Status of the access to Nextcloud",
        "Whether the user has given this server lasting access to Nextcloud, which kind, and until when.",
        Effect::Reads,
        Scope::OPENID,
        run,
    )
}

async fn run(context: ToolContext, _: NoArguments) -> Result<ProvisioningStatus, ToolError> {
    Ok(status(&context).await?.into())
}

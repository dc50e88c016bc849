//! `provision_nextcloud_access`.

use super::{sentence, services, status};
use crate::auth::access::CredentialState;
use crate::auth::scopes::Scope;
use crate::mcp::error::ToolError;
use crate::mcp::tool::{Effect, NoArguments, ToolContext, ToolEntry};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Serialize, JsonSchema)]
struct ProvisioningResult {
    success: bool,
    provisioning_url: Option<String>,
    message: String,
    already_provisioned: bool,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "provision_nextcloud_access",
        "Give access to Nextcloud",
        "Get the link by which the user gives this server lasting access to Nextcloud. Show it to the user; only they \
         can use it.",
        Effect::Changes,
        Scope::OPENID,
        run,
    )
}

async fn run(context: ToolContext, _: NoArguments) -> Result<ProvisioningResult, ToolError> {
    let status = status(&context).await?;
    if status.is_provisioned() {
        return Ok(ProvisioningResult {
            success: true,
            provisioning_url: None,
            message: format!(
                "{} To give it anew, call revoke_nextcloud_access first.",
                sentence(&status)
            ),
            already_provisioned: true,
        });
    }
    if status.state == CredentialState::OperatorActionRequired {
        return Ok(ProvisioningResult {
            success: false,
            provisioning_url: None,
            message: sentence(&status),
            already_provisioned: true,
        });
    }
    let way = services(&context)?.way(context.caller.principal()).await?;
    Ok(ProvisioningResult {
        success: way.url.is_some(),
        message: format!("{} {}", sentence(&status), way.message),
        provisioning_url: way.url,
        already_provisioned: false,
    })
}

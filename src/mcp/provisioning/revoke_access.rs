//! `revoke_nextcloud_access`.

use super::services;
use crate::auth::access::AccessError;
use crate::auth::scopes::Scope;
use crate::mcp::error::ToolError;
use crate::mcp::tool::{Effect, NoArguments, ToolContext, ToolEntry};
use schemars::JsonSchema;
use serde::Serialize;

#[derive(Debug, Serialize, JsonSchema)]
struct RevocationResult {
    success: bool,
    message: String,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "revoke_nextcloud_access",
        "Take back access to Nextcloud",
        "Take back the lasting access to Nextcloud that the user gave this server. Background sync ends and the user's \
         documents leave the search index. Ask the user before.",
        Effect::Destroys,
        Scope::OPENID,
        run,
    )
}

async fn run(context: ToolContext, _: NoArguments) -> Result<RevocationResult, ToolError> {
    let access = &services(&context)?.access;
    let message = match access.revoke(context.caller.principal(), &context.origin).await {
        Ok(true) => {
            "Access to Nextcloud was taken back. It can be given again with provision_nextcloud_access."
        }
        Ok(false) | Err(AccessError::NotProvisioned) => "There was no access to take back.",
        Err(error) => return Err(ToolError::Internal(Box::new(error))),
    };
    Ok(RevocationResult {
        success: true,
        message: message.to_owned(),
    })
}

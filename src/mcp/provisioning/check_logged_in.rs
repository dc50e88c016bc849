//! `check_logged_in`.

use super::{sentence, services, status};
use crate::auth::access::CredentialState;
use crate::auth::scopes::Scope;
use crate::mcp::error::ToolError;
use crate::mcp::tool::{Effect, NoArguments, ToolContext, ToolEntry};
use schemars::JsonSchema;
use serde::Serialize;

/// A text, as older servers answered it.
#[derive(Debug, Serialize, JsonSchema)]
struct LoggedIn {
    result: String,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "check_logged_in",
        "Is access to Nextcloud given?",
        "Answers \"yes\" when the user has given this server access to Nextcloud, else what the user has to do.",
        Effect::Reads,
        Scope::OPENID,
        run,
    )
}

async fn run(context: ToolContext, _: NoArguments) -> Result<LoggedIn, ToolError> {
    let status = status(&context).await?;
    let result = if status.is_provisioned() {
        "yes".to_owned()
    } else if status.state == CredentialState::OperatorActionRequired {
        sentence(&status)
    } else {
        let way = services(&context)?.way(context.caller.principal()).await?;
        format!("{} {}", sentence(&status), way.message)
    };
    Ok(LoggedIn { result })
}

//! Tools by which a user gives this server lasting access to Nextcloud, sees it and takes it back, one file each.
//! None takes a user: it is always the caller.

mod check_logged_in;
mod check_status;
mod provision_access;
mod revoke_access;
mod way;

pub use way::ProvisioningServices;

use super::error::ToolError;
use super::tool::{ToolContext, ToolEntry};
use crate::auth::access::{AccessError, AccessStatus, CredentialState};

/// The tools in the order of their listing.
pub(super) fn tools() -> Vec<ToolEntry> {
    vec![
        provision_access::tool(),
        check_status::tool(),
        check_logged_in::tool(),
        revoke_access::tool(),
    ]
}

/// What these tools work with; they are not listed without it.
fn services(context: &ToolContext) -> Result<&ProvisioningServices, ToolError> {
    context.services.provisioning.as_ref().ok_or_else(|| {
        ToolError::Told("lasting access needs ENABLE_OFFLINE_ACCESS=true on the server.".into())
    })
}

/// What stands for the caller.
async fn status(context: &ToolContext) -> Result<AccessStatus, ToolError> {
    let user = context.caller.principal().user();
    match services(context)?.access.status(user).await {
        Ok(status) => Ok(status),
        Err(AccessError::NotProvisioned) => Ok(AccessStatus::not_provisioned()),
        Err(error) => Err(ToolError::Internal(Box::new(error))),
    }
}

/// `state` as a sentence for the user.
fn sentence(status: &AccessStatus) -> String {
    let what = match status.state {
        CredentialState::Active => "Access to Nextcloud is given and works",
        CredentialState::Refreshing => "Access to Nextcloud is given and is being renewed",
        CredentialState::Uncertain => {
            "Access to Nextcloud is given; its last renewal was cut short and is tried again"
        }
        CredentialState::ReauthRequired => "Access to Nextcloud has ended and must be given again",
        CredentialState::OperatorActionRequired => {
            "Access to Nextcloud is given, and cannot be used until the administrator of this server acts"
        }
        CredentialState::Revoked => "Access to Nextcloud was taken back",
        CredentialState::NotProvisioned => "Access to Nextcloud is not given yet",
    };
    match status.reason.as_deref().filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("{what}: {}.", reason.trim_end_matches('.')),
        None => format!("{what}."),
    }
}

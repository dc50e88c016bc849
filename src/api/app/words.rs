//! States and actions in plain words.

use crate::audit::AuditAction;
use crate::auth::access::{CredentialKind, CredentialState};

/// A state as a person reads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct StateWords {
    /// One or two words.
    pub(super) label: &'static str,
    /// What it means.
    pub(super) meaning: &'static str,
    /// `good`, `wait` or `bad`: the colour, which never says anything that the words do not.
    pub(super) tone: &'static str,
}

pub(super) fn of_state(state: CredentialState) -> StateWords {
    let (label, tone, meaning) = match state {
        CredentialState::Active => (
            "Allowed",
            "good",
            "This server can work for you in the background.",
        ),
        CredentialState::Refreshing => ("Being renewed", "good", "The access is being renewed right now."),
        CredentialState::Uncertain => (
            "Being checked",
            "wait",
            "A renewal was interrupted. This server is finding out whether the access still works.",
        ),
        CredentialState::ReauthRequired => (
            "Ended",
            "bad",
            "The access no longer works. Nothing of yours was lost: allow it again, and the work goes on.",
        ),
        CredentialState::OperatorActionRequired => (
            "Waiting for your administrator",
            "bad",
            "Nextcloud refuses this server itself. Your access is kept until your administrator has solved it.",
        ),
        CredentialState::Revoked => (
            "Taken back",
            "wait",
            "You took the access back. This server holds nothing of yours any more.",
        ),
        CredentialState::NotProvisioned => (
            "Not allowed",
            "wait",
            "This server cannot work for you in the background, so it keeps no index of your documents.",
        ),
    };
    StateWords { label, meaning, tone }
}

/// What was just done, by its name in the address; anybody may have made that address up.
pub(super) fn of_done(done: &str, is_provisioned: bool) -> Option<&'static str> {
    Some(match done {
        "revoked" if !is_provisioned => {
            "Your access was taken back. What was stored of your documents here is being removed."
        }
        "switched_on" => "Switched on. Nextcloud tells about these changes from now on.",
        "switched_off" => "Switched off. These changes are found by scans from now on.",
        "put_right" => "Nextcloud's webhooks are as they should be.",
        _ => return None,
    })
}

pub(super) fn of_kind(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::RefreshToken => "Your consent (an OAuth refresh token, stored encrypted)",
        CredentialKind::AppPassword => {
            "An app password (stored encrypted; listed in Nextcloud's security settings)"
        }
    }
}

pub(super) fn of_action(action: AuditAction) -> &'static str {
    match action {
        AuditAction::Consent => "Background access allowed",
        AuditAction::ConsentRefused => "Background access not stored",
        AuditAction::RefreshFailed => "Renewal failed",
        AuditAction::Revocation => "Access taken back",
        AuditAction::RemoteRevocation => "Access ended at Nextcloud",
        AuditAction::AppPasswordStored => "App password handed over",
        AuditAction::ScopesChanged => "Permissions changed",
        AuditAction::KeyRotation => "Encryption key changed",
        AuditAction::ClientRegistration => "Server registered at Nextcloud",
        AuditAction::WebhookRegistration => "Change notices set up",
        AuditAction::IndexPurge => "Documents taken out of the index",
        AuditAction::Login => "Logged in to this page",
    }
}

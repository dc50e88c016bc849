//! What is worth a line in the audit trail.

use crate::ids::UserId;
use chrono::{DateTime, Utc};
use std::net::IpAddr;

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditAction {
    /// A user consented; a credential was stored.
    Consent,
    /// A consent ended without a stored credential.
    ConsentRefused,
    /// A refresh failed for good: the user must consent again, or the operator must act.
    RefreshFailed,
    /// A credential was revoked.
    Revocation,
    /// What had to end elsewhere has ended there.
    RemoteRevocation,
    /// A user handed over an app password.
    AppPasswordStored,
    /// A user's scopes were changed.
    ScopesChanged,
    /// Secrets at rest were encrypted with a new key.
    KeyRotation,
    /// The OAuth client was registered.
    ClientRegistration,
    /// A webhook was registered at Nextcloud.
    WebhookRegistration,
    /// An administrator took a type of documents out of the index, everybody's.
    IndexPurge,
    /// Somebody logged in to the pages.
    Login,
}

impl AuditAction {
    /// All actions.
    pub const ALL: [Self; 12] = [
        Self::Consent,
        Self::ConsentRefused,
        Self::RefreshFailed,
        Self::Revocation,
        Self::RemoteRevocation,
        Self::AppPasswordStored,
        Self::ScopesChanged,
        Self::KeyRotation,
        Self::ClientRegistration,
        Self::WebhookRegistration,
        Self::IndexPurge,
        Self::Login,
    ];

    /// As it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::ConsentRefused => "consent_refused",
            Self::RefreshFailed => "refresh_failed",
            Self::Revocation => "revocation",
            Self::RemoteRevocation => "remote_revocation",
            Self::AppPasswordStored => "app_password_stored",
            Self::ScopesChanged => "scopes_changed",
            Self::KeyRotation => "key_rotation",
            Self::ClientRegistration => "client_registration",
            Self::WebhookRegistration => "webhook_registration",
            Self::IndexPurge => "index_purge",
            Self::Login => "login",
        }
    }

    /// The action of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}

/// From where somebody acted; empty for the server itself.
#[derive(Debug, Clone, Default)]
pub struct AuditOrigin {
    /// The client's address.
    pub address: Option<IpAddr>,
    /// The id of the request.
    pub request_id: Option<String>,
}

/// One line of the trail.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub action: AuditAction,
    /// Who; `None`: the server or its operator.
    pub actor: Option<UserId>,
    /// Whose credential or data; `None`: the whole installation's.
    pub subject: Option<UserId>,
    /// From where.
    pub origin: AuditOrigin,
    /// A sentence for people, without secrets.
    pub detail: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name() {
        for action in AuditAction::ALL {
            assert_eq!(AuditAction::parse(action.name()), Some(action));
        }
        assert_eq!(AuditAction::parse("Consent"), None);
    }
}

//! The verified identity of a caller.

use crate::ids::UserId;
use crate::nextcloud::CurrentUser;

/// A caller whose identity Nextcloud itself has told. Nothing that reads documents works without one.
///
/// A name alone makes none (case S09):
///
/// ```compile_fail,E0451
/// use nextcloud_mcp_server::{auth::Principal, ids::UserId};
///
/// let forged = Principal { user: UserId::new("alice") };
/// ```
///
/// Nextcloud's answer does:
///
/// ```
/// use nextcloud_mcp_server::{auth::Principal, nextcloud::CurrentUser};
///
/// fn who(answer: &CurrentUser) -> Principal {
///     Principal::verified(answer)
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    user: UserId,
}

impl Principal {
    /// The principal is the UID that OCS v2 `/cloud/user` answers to a credential, never a name that the
    /// caller sent.
    pub fn verified(answer: &CurrentUser) -> Self {
        Self {
            user: answer.id().clone(),
        }
    }

    /// Whose UID Nextcloud has told before: as the issuer of a verified token, or in answer to an earlier credential.
    /// Only [`super::Identities`] and the stores of verified sessions may say so.
    pub(in crate::auth) fn known(user: UserId) -> Self {
        Self { user }
    }

    /// As if Nextcloud had told `uid` before.
    #[cfg(test)]
    pub(crate) fn known_for_test(uid: &str) -> Self {
        Self::known(UserId::new(uid))
    }

    /// The Nextcloud UID.
    pub fn user(&self) -> &UserId {
        &self.user
    }
}

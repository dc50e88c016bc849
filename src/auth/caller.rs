//! A verified caller and its way to Nextcloud.

use super::scopes::{Scope, ScopeSet};
use super::{CredentialError, CredentialProvider, Principal};
use crate::ids::UserId;
use crate::nextcloud::{Credential, Nextcloud, UserSession};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Opens Nextcloud sessions.
pub trait OpenSession: Send + Sync {
    /// A session of `user` with `credential`; sends nothing.
    fn open(&self, user: &UserId, credential: &Credential) -> UserSession;
}

impl OpenSession for Nextcloud {
    fn open(&self, user: &UserId, credential: &Credential) -> UserSession {
        self.session(user.clone(), credential.clone())
    }
}

/// Learns that Nextcloud refused a credential which was thought good, so that it is not sent again.
#[async_trait]
pub trait RejectedCredential: Send + Sync {
    /// Nextcloud answered 401 to `credential`.
    async fn rejected(&self, credential: &Credential);
}

/// Someone whose credential was verified for this request.
#[derive(Clone)]
pub struct Caller {
    principal: Principal,
    way: Way,
    scopes: Option<ScopeSet>,
    allowed: Option<ScopeSet>,
}

/// With which credential Nextcloud is asked in the caller's name.
#[derive(Clone)]
enum Way {
    /// The one that the caller sent.
    Sent {
        credential: Credential,
        sessions: Arc<dyn OpenSession>,
        rejection: Arc<dyn RejectedCredential>,
    },
    /// The one that the caller gave this server before.
    Stored(Arc<dyn CredentialProvider>),
    /// None: this server keeps no credentials and may not use the caller's.
    Closed,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("principal", &self.principal)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl Caller {
    /// A caller whose `credential` was confirmed to be `principal`'s and works at Nextcloud. Nothing restricts it.
    pub fn new(
        principal: Principal,
        credential: Credential,
        sessions: Arc<dyn OpenSession>,
        rejection: Arc<dyn RejectedCredential>,
    ) -> Self {
        Self {
            principal,
            way: Way::Sent {
                credential,
                sessions,
                rejection,
            },
            scopes: None,
            allowed: None,
        }
    }

    /// A caller whose own credential is not for Nextcloud, which is asked with the stored one; `None`: with nothing.
    pub fn with_stored_credential(principal: Principal, stored: Option<Arc<dyn CredentialProvider>>) -> Self {
        Self {
            principal,
            way: stored.map_or(Way::Closed, Way::Stored),
            scopes: None,
            allowed: None,
        }
    }

    /// The same caller restricted to `scopes`; `None`: to nothing, which differs from an empty set.
    #[must_use]
    pub fn restricted_to(self, scopes: Option<ScopeSet>) -> Self {
        Self { scopes, ..self }
    }

    /// The same caller where its user lets this server do no more than `allowed`; `None`: whatever the token allows.
    #[must_use]
    pub fn narrowed_to(self, allowed: Option<ScopeSet>) -> Self {
        Self { allowed, ..self }
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The scopes of its token; `None`: unrestricted, as with a password.
    pub fn scopes(&self) -> Option<&ScopeSet> {
        self.scopes.as_ref()
    }

    /// Whether its token, if it has one, and its user allow what needs `scope`.
    pub fn may(&self, scope: &Scope) -> bool {
        self.token_allows(scope) && self.user_allows(scope)
    }

    /// Whether its token, if it has one, allows what needs `scope`; a better token helps where it does not.
    pub fn token_allows(&self, scope: &Scope) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.satisfies(scope))
    }

    /// Narrowing is about what Nextcloud holds: what needs only to know who calls stays, so that access can still be
    /// looked at and taken back.
    fn user_allows(&self, scope: &Scope) -> bool {
        *scope == Scope::OPENID
            || self
                .allowed
                .as_ref()
                .is_none_or(|allowed| allowed.satisfies(scope))
    }

    /// The scopes of a better token: what this one has, as far as it is used here, and what is `needed`. A client asks
    /// for exactly what it is told, and would lose the rest.
    pub fn step_up(&self, needed: &ScopeSet) -> ScopeSet {
        let known = self
            .scopes
            .iter()
            .flat_map(ScopeSet::iter)
            .filter(|scope| scope.is_known());
        known
            .chain(needed.iter())
            .cloned()
            .collect::<BTreeSet<_>>()
            .into()
    }

    /// A Nextcloud session in the caller's name. [`CredentialError::NotProvisioned`]: the caller gave no credential yet.
    pub async fn session(&self) -> Result<UserSession, CredentialError> {
        let user = self.principal.user();
        match &self.way {
            Way::Sent {
                credential, sessions, ..
            } => Ok(sessions.open(user, credential)),
            Way::Stored(stored) => stored.session_for(user).await,
            Way::Closed => Err(CredentialError::NotProvisioned),
        }
    }

    /// Nextcloud refused the caller's credential in this request: it is not sent again before a new check.
    pub async fn credential_rejected(&self) {
        match &self.way {
            Way::Sent {
                credential,
                rejection,
                ..
            } => rejection.rejected(credential).await,
            Way::Stored(stored) => {
                if let Err(error) = stored.rejected(self.principal.user()).await {
                    tracing::error!(%error, "a refused credential could not be dropped");
                }
            }
            Way::Closed => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nextcloud::CurrentUser;

    #[tokio::test]
    async fn no_scopes_named_is_not_no_scopes_granted() {
        let alice = Principal::verified(&CurrentUser::for_test("alice"));
        let caller = Caller::with_stored_credential(alice, None);
        assert!(caller.may(&Scope::NOTES_READ));
        let caller = caller.restricted_to(Some(ScopeSet::default()));
        assert!(!caller.may(&Scope::OPENID));
        let caller = caller.restricted_to(Some(ScopeSet::parse("notes:read")));
        assert!(caller.may(&Scope::NOTES_READ) && !caller.may(&Scope::NOTES_WRITE));
        assert!(matches!(
            caller.session().await,
            Err(CredentialError::NotProvisioned)
        ));
    }

    #[test]
    fn the_token_and_the_user_must_both_allow_it() {
        let alice = Principal::verified(&CurrentUser::for_test("alice"));
        let caller = Caller::with_stored_credential(alice, None)
            .narrowed_to(Some(ScopeSet::parse("notes.read notes.write")));
        assert!(caller.may(&Scope::NOTES_READ) && !caller.may(&Scope::FILES_READ));
        let caller = caller.restricted_to(Some(ScopeSet::parse("openid notes.read files.read")));
        assert!(caller.may(&Scope::NOTES_READ));
        assert!(!caller.may(&Scope::NOTES_WRITE) && !caller.token_allows(&Scope::NOTES_WRITE));
        assert!(!caller.may(&Scope::FILES_READ) && caller.token_allows(&Scope::FILES_READ));
        let caller = caller.narrowed_to(Some(ScopeSet::default()));
        assert!(!caller.may(&Scope::NOTES_READ) && caller.may(&Scope::OPENID));
    }
}

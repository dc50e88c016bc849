//! A verified caller and its way to Nextcloud.

use super::Principal;
use crate::ids::UserId;
use crate::nextcloud::{Credential, Nextcloud, UserSession};
use async_trait::async_trait;
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

/// Someone whose credential Nextcloud has confirmed for this request.
#[derive(Clone)]
pub struct Caller {
    principal: Principal,
    credential: Credential,
    sessions: Arc<dyn OpenSession>,
    rejection: Arc<dyn RejectedCredential>,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

impl Caller {
    /// A caller whose `credential` was confirmed to be `principal`'s.
    pub fn new(
        principal: Principal,
        credential: Credential,
        sessions: Arc<dyn OpenSession>,
        rejection: Arc<dyn RejectedCredential>,
    ) -> Self {
        Self {
            principal,
            credential,
            sessions,
            rejection,
        }
    }

    /// Who it is.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// A Nextcloud session in the caller's name.
    pub fn session(&self) -> UserSession {
        self.sessions.open(self.principal.user(), &self.credential)
    }

    /// Nextcloud refused the caller's credential in this request: it is not sent again before a new check.
    pub async fn credential_rejected(&self) {
        self.rejection.rejected(&self.credential).await;
    }
}

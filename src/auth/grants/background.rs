//! The credential of background work: the grant where it is alive, else the app password.

use super::TokenBroker;
use super::broker::unusable;
use super::grant_state::GrantState;
use crate::auth::access::CredentialKind;
use crate::auth::{
    CredentialError, CredentialProvider, IdentityCheck, OpenSession, Rejection, StoredCredentials,
};
use crate::clock::SharedClock;
use crate::ids::UserId;
use crate::nextcloud::{Credential, NextcloudError, UserSession};
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What the operator does when Nextcloud refuses good access tokens (facts §4).
pub(super) const BEARER_REFUSED: &str = "Nextcloud refused a good access token; an administrator lets it accept them \
     with: occ config:system:set user_oidc oidc_provider_bearer_validation --value true --type boolean";

/// Sessions of users who consented or handed over an app password.
pub struct BackgroundCredentials {
    broker: TokenBroker,
    app_passwords: StoredCredentials,
    sessions: Arc<dyn OpenSession>,
    identity: Arc<dyn IdentityCheck>,
    clock: SharedClock,
    /// Which kind the last session of a user had: a refusal is about that one.
    used: Mutex<HashMap<UserId, CredentialKind>>,
}

impl std::fmt::Debug for BackgroundCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BackgroundCredentials").finish_non_exhaustive()
    }
}

impl BackgroundCredentials {
    /// A provider over `broker`'s grants and `app_passwords`. `identity` tells whether a refused token is good.
    pub fn new(
        broker: TokenBroker,
        app_passwords: StoredCredentials,
        sessions: Arc<dyn OpenSession>,
        identity: Arc<dyn IdentityCheck>,
        clock: SharedClock,
    ) -> Self {
        Self {
            broker,
            app_passwords,
            sessions,
            identity,
            clock,
            used: Mutex::default(),
        }
    }

    fn note_used(&self, user: &UserId, kind: CredentialKind) {
        self.used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(user.clone(), kind);
    }

    fn last_used(&self, user: &UserId) -> Option<CredentialKind> {
        self.used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(user)
            .copied()
    }

    /// Nextcloud refused an access token. A refresh may have replaced it while it was on its way, so the present one is
    /// shown once more; a refusal of that one is the operator's matter, and nobody gets a token for an hour.
    async fn token_rejected(&self, user: &UserId) -> Result<Rejection, CredentialError> {
        let token = match self.broker.access_token(user).await {
            Ok(token) => token,
            Err(CredentialError::NotProvisioned | CredentialError::Unusable(_)) => {
                return Ok(Rejection::Dropped);
            }
            Err(CredentialError::Temporary(_)) => return Ok(Rejection::Superseded),
            Err(error) => return Err(error),
        };
        match self.identity.current_user(&Credential::Bearer(token)).await {
            Err(NextcloudError::Unauthorized) => {
                let store = self.broker.store();
                let grant = store.find(user).await.map_err(unusable)?;
                // Whatever happened to the grant during the check says more than the check.
                let Some(grant) = grant.filter(|grant| grant.state == GrantState::Active) else {
                    return Ok(Rejection::Superseded);
                };
                let now = self.clock.now();
                if store
                    .refused(&grant, BEARER_REFUSED, now)
                    .await
                    .map_err(unusable)?
                {
                    tracing::warn!("Nextcloud refuses good access tokens");
                    Ok(Rejection::Dropped)
                } else {
                    Ok(Rejection::Superseded)
                }
            }
            Ok(_) | Err(_) => Ok(Rejection::Superseded),
        }
    }
}

#[async_trait]
impl CredentialProvider for BackgroundCredentials {
    async fn session_for(&self, user: &UserId) -> Result<UserSession, CredentialError> {
        let failed = match self.broker.access_token(user).await {
            Ok(token) => {
                self.note_used(user, CredentialKind::RefreshToken);
                return Ok(self.sessions.open(user, &Credential::Bearer(token)));
            }
            Err(error @ CredentialError::Database(_)) => return Err(error),
            Err(error) => error,
        };
        match self.app_passwords.session_for(user).await {
            Ok(session) => {
                self.note_used(user, CredentialKind::AppPassword);
                Ok(session)
            }
            // What is wrong with the grant says more than that there is no app password.
            Err(CredentialError::NotProvisioned) => Err(failed),
            Err(error) => Err(error),
        }
    }

    async fn rejected(&self, user: &UserId) -> Result<Rejection, CredentialError> {
        let rejection = if self.last_used(user) == Some(CredentialKind::RefreshToken) {
            self.token_rejected(user).await?
        } else {
            self.app_passwords.rejected(user).await?
        };
        // The refusal is about one kind of credential; with the other the user goes on.
        let store = self.broker.store();
        if rejection == Rejection::Dropped && store.any_credential(user).await.map_err(unusable)? {
            return Ok(Rejection::Superseded);
        }
        Ok(rejection)
    }
}

//! Hybrid mode: the credential that a user handed over.

use super::{AppPasswordStore, CredentialError, CredentialProvider, OpenSession, Rejection};
use crate::ids::UserId;
use crate::nextcloud::{Credential, UserSession};
use async_trait::async_trait;
use std::sync::Arc;

/// Sessions from stored app passwords.
#[derive(Clone)]
pub struct StoredCredentials {
    store: Arc<dyn AppPasswordStore>,
    sessions: Arc<dyn OpenSession>,
}

impl std::fmt::Debug for StoredCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredCredentials").finish_non_exhaustive()
    }
}

impl StoredCredentials {
    /// A provider over `store`.
    pub fn new(store: Arc<dyn AppPasswordStore>, sessions: Arc<dyn OpenSession>) -> Self {
        Self { store, sessions }
    }
}

#[async_trait]
impl CredentialProvider for StoredCredentials {
    async fn session_for(&self, user: &UserId) -> Result<UserSession, CredentialError> {
        let stored = self
            .store
            .get(user)
            .await?
            .ok_or(CredentialError::NotProvisioned)?;
        let credential = Credential::Basic {
            login_name: stored.login_name,
            password: stored.password,
        };
        Ok(self.sessions.open(user, &credential))
    }

    async fn rejected(&self, user: &UserId) -> Result<Rejection, CredentialError> {
        if self.store.drop_refused(user).await? {
            tracing::warn!("Nextcloud refused a stored app password; it was dropped");
        }
        Ok(Rejection::Dropped)
    }
}

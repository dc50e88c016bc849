//! Hybrid mode: the credential that a user handed over.

use super::{
    AppPasswordStore, CredentialError, CredentialProvider, IdentityCheck, OpenSession, Rejection,
    StoredAppPassword,
};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail};
use crate::clock::SharedClock;
use crate::ids::UserId;
use crate::nextcloud::{Credential, NextcloudError, UserSession};
use async_trait::async_trait;
use std::sync::Arc;

/// Sessions from stored app passwords.
#[derive(Clone)]
pub struct StoredCredentials {
    store: Arc<dyn AppPasswordStore>,
    sessions: Arc<dyn OpenSession>,
    identity: Arc<dyn IdentityCheck>,
    audit: Arc<dyn AuditTrail>,
    clock: SharedClock,
}

impl std::fmt::Debug for StoredCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredCredentials").finish_non_exhaustive()
    }
}

impl StoredCredentials {
    /// A provider over `store`. `identity` tells whether the app password that is stored is the refused one; `audit` learns
    /// of one that is dropped.
    pub fn new(
        store: Arc<dyn AppPasswordStore>,
        sessions: Arc<dyn OpenSession>,
        identity: Arc<dyn IdentityCheck>,
        audit: Arc<dyn AuditTrail>,
        clock: SharedClock,
    ) -> Self {
        Self {
            store,
            sessions,
            identity,
            audit,
            clock,
        }
    }
}

fn credential(stored: &StoredAppPassword) -> Credential {
    Credential::Basic {
        login_name: stored.login_name.clone(),
        password: stored.password.clone(),
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
        Ok(self.sessions.open(user, &credential(&stored)))
    }

    async fn rejected(&self, user: &UserId) -> Result<Rejection, CredentialError> {
        let Some(stored) = self.store.get(user).await? else {
            return Ok(Rejection::Dropped);
        };
        // A new one may have come while the refused one was on its way, so the present one is shown once more.
        match self.identity.current_user(&credential(&stored)).await {
            Err(NextcloudError::Unauthorized) => {}
            Ok(_) | Err(_) => return Ok(Rejection::Superseded),
        }
        if self.store.drop_refused(&stored).await? {
            tracing::warn!("Nextcloud refused a stored app password; it was dropped");
            self.audit
                .record(AuditEvent {
                    at: self.clock.now(),
                    action: AuditAction::Revocation,
                    actor: None,
                    subject: Some(user.clone()),
                    origin: AuditOrigin::default(),
                    detail: Some("Nextcloud refused the app password; it was dropped".to_owned()),
                })
                .await;
            return Ok(Rejection::Dropped);
        }
        // Another one may have come during the check, or somebody else dropped this one.
        if self.store.exists(user).await? {
            Ok(Rejection::Superseded)
        } else {
            Ok(Rejection::Dropped)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::PgAppPasswordStore;
    use crate::auth::oidc::testing::{Trail, keyring};
    use crate::auth::testing::{FakeNextcloud, NoSessions, manual_clock};
    use crate::ids::LoginName;
    use sqlx::PgPool;
    use std::sync::atomic::Ordering;

    #[sqlx::test(migrations = "./migrations")]
    async fn only_what_nextcloud_refuses_now_is_dropped(pool: PgPool) {
        let (clock, trail) = (manual_clock(), Arc::new(Trail::default()));
        let store = Arc::new(PgAppPasswordStore::new(pool, keyring(), clock.clone()));
        let nextcloud = FakeNextcloud::with_user("alice", "new");
        let credentials = StoredCredentials::new(
            store.clone(),
            Arc::new(NoSessions),
            nextcloud.clone(),
            trail.clone(),
            clock,
        );
        let stored = StoredAppPassword {
            uid: UserId::new("alice"),
            login_name: LoginName::new("alice"),
            password: "new".into(),
            scopes: None,
        };
        let alice = &stored.uid;
        assert_eq!(
            credentials.rejected(alice).await.unwrap(),
            Rejection::Dropped,
            "none stands"
        );
        store.put(&stored).await.unwrap();
        assert_eq!(
            credentials.rejected(alice).await.unwrap(),
            Rejection::Superseded,
            "an earlier one was refused"
        );
        nextcloud.set_password("alice", "another");
        nextcloud.down.store(true, Ordering::Relaxed);
        assert_eq!(credentials.rejected(alice).await.unwrap(), Rejection::Superseded);
        assert!(store.exists(alice).await.unwrap(), "nobody can tell now");
        nextcloud.down.store(false, Ordering::Relaxed);
        assert_eq!(credentials.rejected(alice).await.unwrap(), Rejection::Dropped);
        assert!(!store.exists(alice).await.unwrap());
        let events = trail.events();
        assert_eq!(events.len(), 1, "{events:?}");
        assert_eq!(events[0].subject.as_ref(), Some(alice));
    }
}

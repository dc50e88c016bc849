//! Single-user mode: the account of the configuration.

use super::{AuthError, BasicVerifier, CredentialError, CredentialProvider, Freshness};
use super::{OpenSession, Principal, RejectedCredential, Rejection};
use crate::ids::{LoginName, UserId};
use crate::nextcloud::{Credential, UserSession};
use async_trait::async_trait;
use secrecy::SecretString;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// The account of `NEXTCLOUD_USERNAME` and `NEXTCLOUD_PASSWORD`. Its UID is asked at first use.
pub struct ConfiguredCredentials {
    credential: Credential,
    verifier: BasicVerifier,
    sessions: Arc<dyn OpenSession>,
    /// Set while the credential is known to work.
    confirmed: Mutex<Option<Principal>>,
}

impl std::fmt::Debug for ConfiguredCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConfiguredCredentials").finish_non_exhaustive()
    }
}

impl ConfiguredCredentials {
    /// The configured account. `verifier`'s budgets keep a wrong password from locking Nextcloud.
    pub fn new(
        login_name: LoginName,
        password: SecretString,
        verifier: BasicVerifier,
        sessions: Arc<dyn OpenSession>,
    ) -> Self {
        let credential = Credential::Basic { login_name, password };
        Self {
            credential,
            verifier,
            sessions,
            confirmed: Mutex::new(None),
        }
    }

    /// The configured credential.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    /// Opens sessions for it.
    pub(super) fn sessions(&self) -> &Arc<dyn OpenSession> {
        &self.sessions
    }

    /// Who the account is, as Nextcloud tells.
    pub async fn principal(&self) -> Result<Principal, AuthError> {
        let confirmed = self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(principal) = confirmed {
            return Ok(principal);
        }
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let principal = self
            .verifier
            .verify_credential(&self.credential, here, Freshness::Cached)
            .await?;
        *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner) = Some(principal.clone());
        Ok(principal)
    }
}

#[async_trait]
impl RejectedCredential for ConfiguredCredentials {
    async fn rejected(&self, credential: &Credential) {
        *self.confirmed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.verifier.refuse(credential).await;
        tracing::error!("Nextcloud refused NEXTCLOUD_USERNAME / NEXTCLOUD_PASSWORD");
    }
}

#[async_trait]
impl CredentialProvider for ConfiguredCredentials {
    async fn session_for(&self, user: &UserId) -> Result<UserSession, CredentialError> {
        let principal = self.principal().await.map_err(|error| match error {
            AuthError::Unavailable { .. } | AuthError::Throttled { .. } => {
                CredentialError::Temporary(error.to_string())
            }
            error => CredentialError::Unusable(error.to_string()),
        })?;
        if principal.user() == user {
            Ok(self.sessions.open(user, &self.credential))
        } else {
            Err(CredentialError::NotProvisioned)
        }
    }

    async fn rejected(&self, _user: &UserId) -> Result<Rejection, CredentialError> {
        RejectedCredential::rejected(self, &self.credential).await;
        Ok(Rejection::Dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::{FakeNextcloud, NoSessions, manual_clock, verifier};

    #[tokio::test]
    async fn the_uid_is_asked_once_and_again_after_a_rejection() {
        let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
        let configured = ConfiguredCredentials::new(
            LoginName::new("alice"),
            SecretString::from("right"),
            verifier(&fake, &clock),
            Arc::new(NoSessions),
        );
        for _ in 0..3 {
            assert_eq!(configured.principal().await.unwrap().user().as_str(), "alice");
            clock.advance(std::time::Duration::from_mins(5));
        }
        assert_eq!(fake.asked(), 1);
        CredentialProvider::rejected(&configured, &UserId::new("alice"))
            .await
            .unwrap();
        assert!(
            configured.principal().await.is_err(),
            "a rejected credential is not sent again at once"
        );
        assert_eq!(fake.asked(), 1);
        clock.advance(std::time::Duration::from_secs(31));
        assert!(configured.principal().await.is_ok());
        assert_eq!(fake.asked(), 2);
    }

    #[tokio::test]
    async fn an_outage_says_nothing_against_the_credential() {
        let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
        let configured = ConfiguredCredentials::new(
            LoginName::new("alice"),
            SecretString::from("right"),
            verifier(&fake, &clock),
            Arc::new(NoSessions),
        );
        fake.down.store(true, std::sync::atomic::Ordering::Relaxed);
        let answer = configured.session_for(&UserId::new("alice")).await;
        assert!(matches!(answer, Err(CredentialError::Temporary(_))));
        fake.down.store(false, std::sync::atomic::Ordering::Relaxed);
        fake.set_password("alice", "changed");
        let answer = configured.session_for(&UserId::new("alice")).await;
        assert!(matches!(answer, Err(CredentialError::Unusable(_))));
    }

    #[tokio::test]
    async fn another_user_has_no_session() {
        let (fake, clock) = (FakeNextcloud::with_user("alice", "right"), manual_clock());
        let configured = ConfiguredCredentials::new(
            LoginName::new("alice"),
            SecretString::from("right"),
            verifier(&fake, &clock),
            Arc::new(NoSessions),
        );
        let answer = configured.session_for(&UserId::new("bob")).await;
        assert!(matches!(answer, Err(CredentialError::NotProvisioned)));
    }
}

//! App passwords that users hand over for background work (hybrid mode).

use super::{AuthError, BasicVerifier, CredentialError, Freshness, Principal};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail};
use crate::clock::SharedClock;
use crate::ids::{LoginName, UserId};
use crate::nextcloud::Credential;
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use std::sync::Arc;

/// A user's app password as it is kept. The login name is needed beside the UID: an app password works only with
/// the name it was made for (facts §1).
#[derive(Debug, Clone)]
pub struct StoredAppPassword {
    /// Whose it is.
    pub uid: UserId,
    /// The name it was made for.
    pub login_name: LoginName,
    /// The app password.
    pub password: SecretString,
    /// Scopes named when it was handed over; `None`: no restriction was named.
    pub scopes: Option<Vec<String>>,
}

/// What taking back an app password leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawn {
    /// Whether one was stored.
    pub existed: bool,
    /// Whether the user has another background credential that may work.
    pub another_stands: bool,
}

/// Keeps app passwords, encrypted.
#[async_trait]
pub trait AppPasswordStore: Send + Sync {
    /// Stores or replaces the user's app password. The user is synced again, whatever ended it before: a removal that is
    /// under way stops.
    async fn put(&self, stored: &StoredAppPassword) -> Result<(), CredentialError>;
    /// The user's app password.
    async fn get(&self, user: &UserId) -> Result<Option<StoredAppPassword>, CredentialError>;
    /// Whether one is stored; decrypts nothing.
    async fn exists(&self, user: &UserId) -> Result<bool, CredentialError>;
    /// Takes it back. In one transaction it is gone, one that was made with a consent is on record to be ended at
    /// Nextcloud, and a user without another credential is marked as removed.
    async fn withdraw(&self, user: &UserId) -> Result<Withdrawn, CredentialError>;
    /// Removes one that Nextcloud refused; `false` when another has taken its place, or none is stored.
    async fn drop_refused(&self, refused: &StoredAppPassword) -> Result<bool, CredentialError>;
}

/// Tells the sync that a user came or went.
#[async_trait]
pub trait SyncTrigger: Send + Sync {
    /// The user handed over a credential: the first scan is due now.
    async fn user_provisioned(&self, uid: &UserId);
    /// The user took the last credential back, and is marked as removed with that: what was synced is purged. A user
    /// without the mark has come back, and loses nothing. After a failure the purge is still on record, and will be
    /// finished.
    async fn user_removed(&self, uid: &UserId) -> Result<(), RemovalError>;
}

/// The purge of a user was cut short; asking again goes on with it.
#[derive(Debug, thiserror::Error)]
#[error("the user's data could not be purged")]
pub struct RemovalError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl RemovalError {
    /// The purge failed because of `cause`, which is for the log only.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// Why an app password was not taken, shown or removed.
#[derive(Debug, thiserror::Error)]
pub enum AppPasswordError {
    /// Not in the form `^[a-zA-Z0-9-]{20,256}$`.
    #[error("the app password has an invalid format")]
    Format,
    /// Nextcloud did not confirm the credential.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The credential is somebody else's; says nothing about whether the named user exists (case B02).
    #[error("the credential belongs to another user")]
    OtherUser,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] CredentialError),
    /// The app password is gone, and the purge of the user's data was cut short.
    #[error(transparent)]
    Removal(#[from] RemovalError),
}

/// Takes, shows and removes app passwords. Every call proves the caller at Nextcloud first.
#[derive(Clone)]
pub struct AppPasswords {
    verifier: BasicVerifier,
    store: Arc<dyn AppPasswordStore>,
    trigger: Arc<dyn SyncTrigger>,
    audit: Arc<dyn AuditTrail>,
    clock: SharedClock,
}

impl std::fmt::Debug for AppPasswords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppPasswords").finish_non_exhaustive()
    }
}

impl AppPasswords {
    /// A service over `store`; `audit` learns what came and went.
    pub fn new(
        verifier: BasicVerifier,
        store: Arc<dyn AppPasswordStore>,
        trigger: Arc<dyn SyncTrigger>,
        audit: Arc<dyn AuditTrail>,
        clock: SharedClock,
    ) -> Self {
        Self {
            verifier,
            store,
            trigger,
            audit,
            clock,
        }
    }

    /// Proves at Nextcloud, now, that `credential` is `user`'s, who then is a principal.
    pub async fn prove(
        &self,
        user: &UserId,
        credential: &Credential,
        client: IpAddr,
    ) -> Result<Principal, AppPasswordError> {
        let principal = self
            .verifier
            .verify_credential(credential, client, Freshness::Live)
            .await?;
        if principal.user() == user {
            Ok(principal)
        } else {
            Err(AppPasswordError::OtherUser)
        }
    }

    /// Checks the app password live as `user`'s and stores it.
    pub async fn store(
        &self,
        user: &UserId,
        login_name: LoginName,
        password: SecretString,
        scopes: Option<Vec<String>>,
        client: IpAddr,
        origin: &AuditOrigin,
    ) -> Result<(), AppPasswordError> {
        if !has_app_password_format(password.expose_secret()) {
            return Err(AppPasswordError::Format);
        }
        let credential = Credential::Basic {
            login_name: login_name.clone(),
            password: password.clone(),
        };
        self.prove(user, &credential, client).await?;
        let detail = match &scopes {
            Some(scopes) => format!("it replaces any earlier one; scopes: {}", scopes.join(" ")),
            None => "it replaces any earlier one".to_owned(),
        };
        self.store
            .put(&StoredAppPassword {
                uid: user.clone(),
                login_name,
                password,
                scopes,
            })
            .await?;
        self.record(AuditAction::AppPasswordStored, user, origin, detail)
            .await;
        self.trigger.user_provisioned(user).await;
        Ok(())
    }

    /// Whether `user`, whose `credential` is proved first, has one stored.
    pub async fn is_stored(
        &self,
        user: &UserId,
        credential: &Credential,
        client: IpAddr,
    ) -> Result<bool, AppPasswordError> {
        self.prove(user, credential, client).await?;
        Ok(self.store.exists(user).await?)
    }

    /// Removes the app password of `user`, whose `credential` is proved first, and what was synced with it, unless a
    /// consent stands beside it; `false` when none was stored.
    pub async fn remove(
        &self,
        user: &UserId,
        credential: &Credential,
        client: IpAddr,
        origin: &AuditOrigin,
    ) -> Result<bool, AppPasswordError> {
        self.prove(user, credential, client).await?;
        let withdrawn = self.store.withdraw(user).await?;
        if withdrawn.existed {
            let detail = if withdrawn.another_stands {
                "the app password was taken back; the consent stands"
            } else {
                "the app password was taken back; the index entries are removed"
            };
            self.record(AuditAction::Revocation, user, origin, detail.to_owned())
                .await;
        }
        if !withdrawn.another_stands {
            // Asked for without a credential, too: a removal that was cut short is finished when the user asks again.
            self.trigger.user_removed(user).await?;
        }
        Ok(withdrawn.existed)
    }

    async fn record(&self, action: AuditAction, user: &UserId, origin: &AuditOrigin, detail: String) {
        self.audit
            .record(AuditEvent {
                at: self.clock.now(),
                action,
                actor: Some(user.clone()),
                subject: Some(user.clone()),
                origin: origin.clone(),
                detail: Some(detail),
            })
            .await;
    }
}

/// Both formats that Nextcloud makes: five dashed groups of five, or 72 alphanumerics (facts §0 row 14).
fn has_app_password_format(password: &str) -> bool {
    (20..=256).contains(&password.len())
        && password
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::oidc::testing::{Trail, keyring};
    use crate::auth::testing::{FakeNextcloud, basic, client, manual_clock, verifier};
    use crate::auth::{PgAppPasswordStore, membership};
    use crate::clock::{Clock, ManualClock};
    use crate::sync::DatabaseTrigger;
    use sqlx::PgPool;

    const PASSWORD: &str = "alice-password-alice-password";

    fn origin() -> AuditOrigin {
        AuditOrigin {
            address: Some(client(1)),
            request_id: Some("r1".to_owned()),
        }
    }

    /// The service of alice over a real store.
    struct Alice {
        pool: PgPool,
        clock: Arc<ManualClock>,
        store: PgAppPasswordStore,
        service: AppPasswords,
        trail: Arc<Trail>,
        uid: UserId,
    }

    impl Alice {
        fn new(pool: PgPool) -> Self {
            let clock = manual_clock();
            let store = PgAppPasswordStore::new(pool.clone(), keyring(), clock.clone());
            let trail = Arc::new(Trail::default());
            let nextcloud = FakeNextcloud::with_user("alice", PASSWORD);
            let service = AppPasswords::new(
                verifier(&nextcloud, &clock),
                Arc::new(store.clone()),
                Arc::new(DatabaseTrigger::new(pool.clone(), clock.clone())),
                trail.clone(),
                clock.clone(),
            );
            Self {
                pool,
                clock,
                store,
                service,
                trail,
                uid: UserId::new("alice"),
            }
        }

        /// Stores one as a consent does.
        async fn mint(&self) {
            let minted = StoredAppPassword {
                uid: self.uid.clone(),
                login_name: LoginName::new("alice"),
                password: "minted".into(),
                scopes: None,
            };
            let mut tx = self.pool.begin().await.unwrap();
            membership::welcome(&mut tx, &self.uid, self.clock.now())
                .await
                .unwrap();
            self.store.put_minted(&mut tx, &minted).await.unwrap();
            tx.commit().await.unwrap();
        }

        async fn remove(&self) -> bool {
            let credential = basic("alice", PASSWORD);
            let removed = self
                .service
                .remove(&self.uid, &credential, client(1), &origin())
                .await;
            removed.unwrap()
        }

        async fn count(&self, sql: &'static str) -> i64 {
            sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
        }
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn one_that_was_made_with_a_consent_ends_at_nextcloud_when_it_is_taken_back(pool: PgPool) {
        let alice = Alice::new(pool);
        alice.mint().await;
        assert!(alice.remove().await);
        let pending = "select count(*) from pending_revocations where kind = 'app_password'";
        assert_eq!(alice.count(pending).await, 1);
        assert_eq!(alice.count("select count(*) from users").await, 0, "purged");
        assert!(!alice.remove().await, "nothing stood any more");
        assert_eq!(alice.count(pending).await, 1);
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn what_comes_and_goes_is_audited_with_its_origin(pool: PgPool) {
        let alice = Alice::new(pool);
        let (name, scopes) = (LoginName::new("alice"), Some(vec!["notes.read".to_owned()]));
        alice
            .service
            .store(&alice.uid, name, PASSWORD.into(), scopes, client(1), &origin())
            .await
            .unwrap();
        assert!(alice.remove().await);
        assert!(!alice.remove().await, "nothing went");
        let events = alice.trail.events();
        let actions: Vec<AuditAction> = events.iter().map(|event| event.action).collect();
        assert_eq!(actions, [AuditAction::AppPasswordStored, AuditAction::Revocation]);
        for event in events {
            assert_eq!(event.actor.as_ref(), Some(&alice.uid));
            assert_eq!(event.subject.as_ref(), Some(&alice.uid));
            assert_eq!(event.origin.address, Some(client(1)));
            assert_eq!(event.origin.request_id.as_deref(), Some("r1"));
            assert!(!event.detail.unwrap().contains(PASSWORD));
        }
    }

    #[sqlx::test(migrations = "./migrations")]
    async fn a_consent_that_stands_beside_it_keeps_the_user(pool: PgPool) {
        let alice = Alice::new(pool);
        alice.mint().await;
        sqlx::query(
            "insert into grants (uid, issuer, subject, client_id, scopes, refresh_token, state_since, provisioned_at)
             values ('alice', 'i', 's', 'c', '{}', 'sealed', now(), now())",
        )
        .execute(&alice.pool)
        .await
        .unwrap();
        assert!(alice.remove().await);
        let active = "select count(*) from users join grants using (uid) where sync_state = 'active'";
        assert_eq!(alice.count(active).await, 1);
        assert_eq!(alice.count("select count(*) from app_passwords").await, 0);
        let dead = "update grants set state = 'reauth_required'";
        sqlx::query(dead).execute(&alice.pool).await.unwrap();
        assert!(!alice.remove().await);
        assert_eq!(
            alice.count("select count(*) from users").await,
            0,
            "a dead one is none"
        );
    }

    #[test]
    fn both_app_password_formats_are_taken() {
        assert!(has_app_password_format("aB3xY-aB3xY-aB3xY-aB3xY-aB3xY"));
        assert!(has_app_password_format(&"a".repeat(72)));
        for wrong in [
            "alice-pass-1",
            "with space with space with",
            &"a".repeat(257),
            "ünïcödeünïcödeünïcöde",
            "",
        ] {
            assert!(!has_app_password_format(wrong), "{wrong}");
        }
    }
}

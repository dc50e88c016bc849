//! Storing a consent: its refresh token, or an app password made with it.

use super::grant_store::GrantStore;
use super::mint::Mint;
use super::{CredentialSink, GrantError, NewGrant, PendingRevocations, schedule};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail};
use crate::auth::{PgAppPasswordStore, StoredAppPassword, SyncTrigger, membership};
use crate::clock::SharedClock;
use crate::config::BackgroundCredential;
use crate::db::DbError;
use crate::entropy::SharedEntropy;
use crate::ids::{LoginName, UserId};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::sync::Arc;

/// Stores consents as `BACKGROUND_CREDENTIAL` says.
pub struct ConsentSink {
    pub(super) kind: BackgroundCredential,
    pub(super) store: GrantStore,
    pub(super) app_passwords: PgAppPasswordStore,
    pub(super) pending: PendingRevocations,
    pub(super) mint: Arc<Mint>,
    pub(super) clock: SharedClock,
    pub(super) entropy: SharedEntropy,
    pub(super) audit: Arc<dyn AuditTrail>,
    pub(super) trigger: Arc<dyn SyncTrigger>,
}

impl std::fmt::Debug for ConsentSink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsentSink")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl CredentialSink for ConsentSink {
    async fn store(
        &self,
        grant: NewGrant,
        origin: &AuditOrigin,
    ) -> Result<Option<DateTime<Utc>>, GrantError> {
        let (ends_at, detail) = match self.kind {
            BackgroundCredential::RefreshToken => (
                self.store_refresh_token(&grant).await?,
                format!(
                    "refresh token of client {}, scopes: {}",
                    grant.client_id,
                    grant.scopes.join(" ")
                ),
            ),
            BackgroundCredential::AppPassword => {
                let device = self.store_app_password(&grant).await?;
                (None, format!("app password, listed at Nextcloud as \"{device}\""))
            }
        };
        let user = grant.principal.user();
        self.audit
            .record(AuditEvent {
                at: self.clock.now(),
                action: AuditAction::Consent,
                actor: Some(user.clone()),
                subject: Some(user.clone()),
                origin: origin.clone(),
                detail: Some(detail),
            })
            .await;
        self.trigger.user_provisioned(user).await;
        Ok(ends_at)
    }
}

impl ConsentSink {
    async fn store_refresh_token(&self, grant: &NewGrant) -> Result<Option<DateTime<Utc>>, GrantError> {
        let token = grant.answer.refresh_token.as_ref();
        let token = token.ok_or(GrantError::NoRefreshToken)?;
        let ends_at = schedule::refresh_expiry(grant.issued_at, grant.answer.refresh_expires_in);
        let jitter = schedule::jitter(self.entropy.as_ref());
        let due_at = schedule::next_refresh(grant.issued_at, ends_at, jitter);
        let mut tx = self.store.pool.begin().await.map_err(DbError)?;
        // First: of two consents at a time the later one sees the earlier, and ends it.
        membership::welcome(&mut tx, grant.principal.user(), grant.issued_at).await?;
        self.end_earlier(&mut tx, grant.principal.user()).await?;
        let ends_at = self.store.put(&mut tx, grant, token, due_at).await?;
        tx.commit().await.map_err(DbError)?;
        Ok(ends_at)
    }

    /// Returns the name under which Nextcloud lists the app password.
    async fn store_app_password(&self, grant: &NewGrant) -> Result<String, GrantError> {
        let user = grant.principal.user();
        let minted = self.mint.make(user, &grant.answer.access_token).await?;
        let stored = StoredAppPassword {
            uid: user.clone(),
            // A session that a bearer opened has the UID as its login name.
            login_name: LoginName::new(user.as_str()),
            password: minted.password,
            // The consent's scopes are the provider's; only the user narrows what an app password is used for.
            scopes: None,
        };
        let now = self.clock.now();
        let mut tx = self.store.pool.begin().await.map_err(DbError)?;
        membership::welcome(&mut tx, user, now).await?;
        self.end_earlier(&mut tx, user).await?;
        self.app_passwords.put_minted(&mut tx, &stored).await?;
        // The consent's own refresh token is not needed any more.
        if let Some(token) = &grant.answer.refresh_token {
            let client = (grant.issuer.as_str(), grant.client_id.as_str());
            self.pending
                .add_token_of_client(&mut tx, user, client, token, now)
                .await?;
        }
        Mint::forget(&mut tx, &minted.device_name).await?;
        tx.commit().await.map_err(DbError)?;
        Ok(minted.device_name)
    }

    /// The refresh token of an earlier consent is replaced, so it must not live on.
    async fn end_earlier(&self, conn: &mut PgConnection, user: &UserId) -> Result<(), GrantError> {
        match GrantStore::take(conn, user).await? {
            Some(earlier) => {
                let now = self.clock.now();
                self.pending.add_grant(conn, &self.store, &earlier, now).await
            }
            None => Ok(()),
        }
    }
}

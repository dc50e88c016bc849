//! What a user granted, as it stands in the database: shown, narrowed, taken back.

use super::GrantError;
use super::PendingRevocations;
use super::allowed::{AllowedScopes, PgAllowedScopes};
use super::grant_state::Grant;
use super::grant_store::GrantStore;
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail};
use crate::auth::access::{AccessError, AccessStatus, CredentialKind, CredentialState, UserAccess};
use crate::auth::bearer::BearerVerifier;
use crate::auth::scopes::{Scope, ScopeSet};
use crate::auth::{PgAppPasswordStore, Principal, SyncTrigger, membership};
use crate::clock::SharedClock;
use crate::db::DbError;
use crate::ids::{LoginName, UserId};
use async_trait::async_trait;
use sqlx::PgConnection;
use std::sync::Arc;

/// [`UserAccess`] over the tables `grants` and `app_passwords`.
pub struct StoredAccess {
    pub(super) store: GrantStore,
    pub(super) app_passwords: PgAppPasswordStore,
    pub(super) pending: PendingRevocations,
    pub(super) clock: SharedClock,
    pub(super) audit: Arc<dyn AuditTrail>,
    pub(super) trigger: Arc<dyn SyncTrigger>,
    /// Forgets what it believed of a user who revoked; absent where no bearers are verified.
    pub(super) bearer: Option<Arc<dyn BearerVerifier>>,
}

impl std::fmt::Debug for StoredAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredAccess").finish_non_exhaustive()
    }
}

/// Whether what ends here must end elsewhere, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Elsewhere {
    /// The user took it back.
    Ends,
    /// The account is gone, and everything of it.
    IsGone,
}

impl StoredAccess {
    /// Forgets a user whose account is gone at Nextcloud.
    pub(super) async fn forget_departed(&self, user: &UserId) -> Result<(), AccessError> {
        let principal = Principal::known(user.clone());
        let detail = "the account is gone at Nextcloud; its credentials and index entries were removed";
        self.withdraw(
            &principal,
            None,
            &AuditOrigin::default(),
            detail,
            Elsewhere::IsGone,
        )
        .await
        .map(drop)
    }

    async fn withdraw(
        &self,
        principal: &Principal,
        actor: Option<&UserId>,
        origin: &AuditOrigin,
        detail: &str,
        elsewhere: Elsewhere,
    ) -> Result<bool, AccessError> {
        let user = principal.user();
        let stood = self.take_credentials(user, elsewhere).await.map_err(failed)?;
        if let Some(bearer) = &self.bearer {
            bearer.forget(principal).await;
        }
        if stood {
            self.audit
                .record(AuditEvent {
                    at: self.clock.now(),
                    action: AuditAction::Revocation,
                    actor: actor.cloned(),
                    subject: Some(user.clone()),
                    origin: origin.clone(),
                    detail: Some(detail.to_owned()),
                })
                .await;
        }
        // Asked for without a credential, too: a removal that was cut short is finished when the user asks again.
        self.trigger.user_removed(user).await.map_err(failed)?;
        Ok(stood)
    }

    /// One transaction: no credential and no way to a new one is left, what must end elsewhere is on record, and so is
    /// the purge.
    async fn take_credentials(&self, user: &UserId, elsewhere: Elsewhere) -> Result<bool, GrantError> {
        let now = self.clock.now();
        let mut tx = self.store.pool.begin().await.map_err(DbError)?;
        membership::lock(&mut tx, user).await?;
        let grant = GrantStore::take(&mut tx, user).await?;
        if let (Some(grant), Elsewhere::Ends) = (&grant, elsewhere) {
            self.pending.add_grant(&mut tx, &self.store, grant, now).await?;
        }
        let password = match elsewhere {
            Elsewhere::Ends => self.app_passwords.take(&mut tx, user).await?,
            Elsewhere::IsGone => self.app_passwords.discard(&mut tx, user).await?,
        };
        forget_ways_in(&mut tx, user, elsewhere).await?;
        membership::mark_removed(&mut tx, user, now).await?;
        tx.commit().await.map_err(DbError)?;
        Ok(grant.is_some() || password)
    }

    async fn app_password_status(&self, user: &UserId) -> Result<Option<AccessStatus>, GrantError> {
        let row = sqlx::query!(
            r#"select login_name as "login_name: LoginName", scopes, created_at, updated_at from app_passwords
               where uid = $1"#,
            user.as_str()
        )
        .fetch_optional(&self.store.pool)
        .await
        .map_err(DbError)?;
        Ok(row.map(|row| AccessStatus {
            state: CredentialState::Active,
            since: Some(row.created_at),
            kind: Some(CredentialKind::AppPassword),
            provisioned_at: Some(row.created_at),
            updated_at: Some(row.updated_at),
            scopes: row.scopes,
            login_name: Some(row.login_name.as_str().to_owned()),
            ..AccessStatus::not_provisioned()
        }))
    }

    /// Of somebody without a credential: revoked, refused, or never given.
    async fn absent_status(&self, user: &UserId) -> Result<AccessStatus, GrantError> {
        let refused = sqlx::query_scalar!(
            "select sync_state_since from users where uid = $1 and sync_state_reason = 'credential_rejected'",
            user.as_str()
        )
        .fetch_optional(&self.store.pool)
        .await
        .map_err(DbError)?;
        if let Some(since) = refused {
            return Ok(AccessStatus {
                state: CredentialState::ReauthRequired,
                reason: Some("Nextcloud refused the app password; it was dropped".to_owned()),
                since: Some(since),
                ..AccessStatus::not_provisioned()
            });
        }
        let last = sqlx::query!(
            "select action, at, detail from audit_events
             where subject_uid = $1 and action in ('consent', 'app_password_stored', 'revocation')
             order by id desc limit 1",
            user.as_str()
        )
        .fetch_optional(&self.store.pool)
        .await
        .map_err(DbError)?;
        Ok(match last {
            Some(event) if event.action == AuditAction::Revocation.name() => AccessStatus {
                state: CredentialState::Revoked,
                reason: event.detail,
                since: Some(event.at),
                ..AccessStatus::not_provisioned()
            },
            _ => AccessStatus::not_provisioned(),
        })
    }

    async fn read_status(&self, user: &UserId) -> Result<AccessStatus, GrantError> {
        let grant = self.store.find(user).await?;
        let status = grant.map(|grant| self.grant_status(grant));
        // An app password stands in for a grant that does not work.
        if let Some(status) = &status
            && status.is_provisioned()
        {
            return Ok(status.clone());
        }
        match (self.app_password_status(user).await?, status) {
            (Some(password), _) => Ok(password),
            (None, Some(grant)) => Ok(grant),
            (None, None) => self.absent_status(user).await,
        }
    }

    fn grant_status(&self, grant: Grant) -> AccessStatus {
        AccessStatus {
            state: grant.visible_state(self.clock.now()).into(),
            reason: grant.state_reason,
            since: Some(grant.state_since),
            kind: Some(CredentialKind::RefreshToken),
            provisioned_at: Some(grant.provisioned_at),
            updated_at: Some(grant.refreshed_at.unwrap_or(grant.provisioned_at)),
            expires_at: grant.refresh_expires_at,
            scopes: Some(grant.scopes),
            client_id: Some(grant.client_id),
            login_name: None,
        }
    }
}

#[async_trait]
impl UserAccess for StoredAccess {
    async fn status(&self, user: &UserId) -> Result<AccessStatus, AccessError> {
        let mut status = self.read_status(user).await.map_err(failed)?;
        let allowed = PgAllowedScopes::new(self.store.pool.clone());
        if let Some(scopes) = allowed.allowed(user).await.map_err(failed)? {
            status.scopes = Some(scopes.names());
        }
        Ok(status)
    }

    async fn revoke(&self, principal: &Principal, origin: &AuditOrigin) -> Result<bool, AccessError> {
        let actor = Some(principal.user());
        let detail = "access was taken back; the index entries are removed";
        self.withdraw(principal, actor, origin, detail, Elsewhere::Ends)
            .await
    }

    async fn set_scopes(
        &self,
        principal: &Principal,
        scopes: &[String],
        origin: &AuditOrigin,
    ) -> Result<(), AccessError> {
        let user = principal.user();
        let changed = sqlx::query_scalar!(
            r#"with g as (update grants set allowed_scopes = $2 where uid = $1 returning 1),
                    a as (update app_passwords set scopes = $2, updated_at = $3 where uid = $1 returning 1)
               select (select count(*) from g) + (select count(*) from a) as "changed!""#,
            user.as_str(),
            scopes,
            self.clock.now()
        )
        .fetch_one(&self.store.pool)
        .await
        .map_err(failed)?;
        if changed == 0 {
            return Err(AccessError::NotProvisioned);
        }
        self.audit
            .record(AuditEvent {
                at: self.clock.now(),
                action: AuditAction::ScopesChanged,
                actor: Some(user.clone()),
                subject: Some(user.clone()),
                origin: origin.clone(),
                detail: Some(format!("scopes: {}", scopes.join(" "))),
            })
            .await;
        if scopes
            .iter()
            .collect::<ScopeSet>()
            .satisfies(&Scope::SEMANTIC_READ)
        {
            // Without it the sync leaves the user alone.
            self.trigger.user_provisioned(user).await;
        }
        Ok(())
    }
}

/// Nobody consents any more by a link or a step that was begun before. Of a deleted account nothing is believed any
/// more either: Nextcloud may give its UID to another person.
async fn forget_ways_in(conn: &mut PgConnection, user: &UserId, elsewhere: Elsewhere) -> Result<(), DbError> {
    let uid = user.as_str();
    sqlx::query!("delete from consent_links where uid = $1", uid)
        .execute(&mut *conn)
        .await?;
    sqlx::query!("delete from oauth_flows where expected_uid = $1", uid)
        .execute(&mut *conn)
        .await?;
    if elsewhere == Elsewhere::IsGone {
        sqlx::query!("delete from identities where uid = $1", uid)
            .execute(&mut *conn)
            .await?;
        sqlx::query!("delete from browser_sessions where uid = $1", uid)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AccessError {
    AccessError::Failed(error.into())
}

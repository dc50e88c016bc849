//! What users narrowed this server to (`PATCH …/scopes`), whatever their tokens and credentials could do.

use crate::auth::scopes::{Scope, ScopeSet};
use crate::auth::{CredentialError, CredentialProvider, Rejection};
use crate::db::DbError;
use crate::ids::UserId;
use crate::nextcloud::UserSession;
use async_trait::async_trait;
use sqlx::PgPool;
use std::sync::Arc;

/// Knows what users narrowed this server to.
#[async_trait]
pub trait AllowedScopes: Send + Sync + std::fmt::Debug {
    /// All that this server may do for `user`; an empty set: nothing. `None`: the user did not narrow it.
    async fn allowed(&self, user: &UserId) -> Result<Option<ScopeSet>, DbError>;
}

/// [`AllowedScopes`] of the tables `grants` and `app_passwords`. Asked each time: a narrowing counts at once.
#[derive(Debug, Clone)]
pub struct PgAllowedScopes {
    pool: PgPool,
}

impl PgAllowedScopes {
    /// What stands in `pool`'s database.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }
}

#[async_trait]
impl AllowedScopes for PgAllowedScopes {
    async fn allowed(&self, user: &UserId) -> Result<Option<ScopeSet>, DbError> {
        let narrowed = sqlx::query_scalar!(
            r#"select allowed_scopes as "scopes!" from grants where uid = $1 and allowed_scopes is not null
               union all
               select scopes from app_passwords where uid = $1 and scopes is not null"#,
            user.as_str()
        )
        .fetch_all(&self.pool)
        .await
        .map_err(DbError)?;
        // One credential may stand in for the other, so the narrower word counts.
        Ok(narrowed
            .into_iter()
            .map(ScopeSet::from_iter)
            .reduce(|one, other| one.intersection(&other)))
    }
}

/// The credentials of the sync, which reads for the index: a user who narrowed this server to less is not synced.
pub struct SyncCredentials {
    credentials: Arc<dyn CredentialProvider>,
    allowed: Arc<dyn AllowedScopes>,
}

impl std::fmt::Debug for SyncCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SyncCredentials").finish_non_exhaustive()
    }
}

impl SyncCredentials {
    /// Those of `credentials` whose users did not narrow this server to less than the search.
    pub fn new(credentials: Arc<dyn CredentialProvider>, allowed: Arc<dyn AllowedScopes>) -> Self {
        Self { credentials, allowed }
    }
}

#[async_trait]
impl CredentialProvider for SyncCredentials {
    async fn session_for(&self, user: &UserId) -> Result<UserSession, CredentialError> {
        let allowed = self.allowed.allowed(user).await?;
        if allowed.is_some_and(|allowed| !allowed.satisfies(&Scope::SEMANTIC_READ)) {
            return Err(CredentialError::NotProvisioned);
        }
        self.credentials.session_for(user).await
    }

    async fn rejected(&self, user: &UserId) -> Result<Rejection, CredentialError> {
        self.credentials.rejected(user).await
    }
}

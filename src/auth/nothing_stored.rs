//! What users granted where nothing may be stored (`ENABLE_OFFLINE_ACCESS` is off): nothing.

use super::access::{AccessError, AccessStatus, UserAccess};
use super::{CredentialError, CredentialProvider, Principal, Rejection};
use crate::audit::AuditOrigin;
use crate::ids::UserId;
use crate::nextcloud::UserSession;
use async_trait::async_trait;

/// Nobody granted anything, and nobody can.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingStored;

#[async_trait]
impl UserAccess for NothingStored {
    async fn status(&self, _user: &UserId) -> Result<AccessStatus, AccessError> {
        Ok(AccessStatus::not_provisioned())
    }

    async fn revoke(&self, _principal: &Principal, _origin: &AuditOrigin) -> Result<bool, AccessError> {
        Ok(false)
    }

    async fn set_scopes(
        &self,
        _principal: &Principal,
        _scopes: &[String],
        _origin: &AuditOrigin,
    ) -> Result<(), AccessError> {
        Err(AccessError::NotProvisioned)
    }
}

#[async_trait]
impl CredentialProvider for NothingStored {
    async fn session_for(&self, _user: &UserId) -> Result<UserSession, CredentialError> {
        Err(CredentialError::NotProvisioned)
    }

    async fn rejected(&self, _user: &UserId) -> Result<Rejection, CredentialError> {
        Ok(Rejection::Dropped)
    }
}

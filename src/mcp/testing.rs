//! Stand-ins for what the provisioning tools work with.

use super::ProvisioningServices;
use crate::audit::AuditOrigin;
use crate::auth::Principal;
use crate::auth::access::{AccessError, AccessStatus, UserAccess};
use crate::auth::consent::{ConsentLinkError, ConsentLinks};
use crate::auth::testing::provider::{FakeProvider, oauth_urls};
use crate::ids::UserId;
use async_trait::async_trait;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// Knows what users granted, and remembers who revoked from where.
#[derive(Debug, Default)]
pub(crate) struct FakeAccess {
    granted: Mutex<HashMap<UserId, AccessStatus>>,
    pub(crate) revocations: Mutex<Vec<(String, AuditOrigin)>>,
}

impl FakeAccess {
    pub(crate) fn set(&self, uid: &str, status: AccessStatus) {
        self.granted.lock().unwrap().insert(UserId::new(uid), status);
    }
}

#[async_trait]
impl UserAccess for FakeAccess {
    async fn status(&self, user: &UserId) -> Result<AccessStatus, AccessError> {
        let granted = self.granted.lock().unwrap();
        granted.get(user).cloned().ok_or(AccessError::NotProvisioned)
    }

    async fn revoke(&self, principal: &Principal, origin: &AuditOrigin) -> Result<bool, AccessError> {
        let user = principal.user().to_string();
        self.revocations.lock().unwrap().push((user, origin.clone()));
        Ok(self.granted.lock().unwrap().remove(principal.user()).is_some())
    }

    async fn set_scopes(
        &self,
        _principal: &Principal,
        _scopes: &[String],
        _origin: &AuditOrigin,
    ) -> Result<(), AccessError> {
        Ok(())
    }
}

/// Makes links that name their principal, which a real one does not.
#[derive(Debug, Default)]
struct FakeLinks(Mutex<usize>);

#[async_trait]
impl ConsentLinks for FakeLinks {
    async fn link_for(&self, principal: &Principal) -> Result<String, ConsentLinkError> {
        let mut made = self.0.lock().unwrap();
        *made += 1;
        Ok(format!(
            "https://mcp.example.org/oauth/authorize-nextcloud?link={}-{made}",
            principal.user()
        ))
    }
}

/// Services over `access` with `provider`.
pub(crate) fn provisioning(access: &Arc<FakeAccess>, provider: FakeProvider) -> ProvisioningServices {
    ProvisioningServices {
        access: access.clone(),
        links: Arc::new(FakeLinks::default()),
        provider: Arc::new(provider),
        urls: oauth_urls(
            "https://mcp.example.org",
            "http://nextcloud",
            "https://cloud.example.org",
        ),
    }
}

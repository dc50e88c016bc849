//! Accounts that were deleted at Nextcloud.
//!
//! For a deleted account the token endpoint answers 500 with a page of HTML (facts §0 row 9), and Nextcloud refuses an
//! access token that is still good. Nothing is deleted on one such moment: the same must show again a while later, while
//! the token endpoint treats everybody else as usual.

use super::GrantError;
use super::broker::TokenBroker;
use super::stored_access::StoredAccess;
use crate::auth::IdentityCheck;
use crate::auth::oidc::TokenFailure;
use crate::ids::UserId;
use crate::nextcloud::{Credential, NextcloudError};
use chrono::TimeDelta;
use secrecy::SecretString;
use std::sync::Arc;

/// Between the first and the second look.
const CONFIRMED_AFTER: TimeDelta = TimeDelta::seconds(30);

/// Finds and forgets deleted accounts.
pub(super) struct Departed {
    pub(super) broker: TokenBroker,
    pub(super) access: Arc<StoredAccess>,
    pub(super) identity: Arc<dyn IdentityCheck>,
}

impl Departed {
    /// A refresh of `user`'s grant failed as it does for a deleted account: looks at Nextcloud, and forgets the user
    /// when that is the second time. `true` when it did.
    pub(super) async fn check(&self, user: &UserId) -> Result<bool, GrantError> {
        let (store, refresher) = (self.broker.store(), self.broker.refresher());
        let Some(grant) = store.find(user).await? else {
            return Ok(false);
        };
        let now = refresher.clock.now();
        // A token that may be expired proves nothing, and showing it would end the grant.
        if !grant.has_usable_token(now) {
            return Ok(false);
        }
        let Some(token) = store.access_token(&grant)? else {
            return Ok(false);
        };
        match self.identity.current_user(&Credential::Bearer(token)).await {
            Err(NextcloudError::Unauthorized | NextcloudError::NotFound(_)) => {}
            Err(_) => return Ok(false),
            Ok(_) => {
                store.set_absent_since(&grant, None).await?;
                return Ok(false);
            }
        }
        match grant.absent_since {
            None => store.set_absent_since(&grant, Some(now)).await?,
            Some(since)
                if now - since >= CONFIRMED_AFTER && self.others_are_served(&grant.client_id).await =>
            {
                self.access.forget_departed(user).await?;
                tracing::info!("a user whose account is gone at Nextcloud was removed");
                return Ok(true);
            }
            Some(_) => {}
        }
        Ok(false)
    }

    /// Whether the token endpoint judges a token that nobody has as it should: then what it says of one user is about
    /// that user.
    async fn others_are_served(&self, client_id: &str) -> bool {
        let mut random = [0; 32];
        let refresher = self.broker.refresher();
        refresher.entropy.fill(&mut random);
        let nobodys = SecretString::from(hex::encode(random));
        let answer = refresher.endpoint.refresh(client_id, &nobodys).await;
        matches!(answer, Err(TokenFailure::InvalidGrant(_)))
    }
}

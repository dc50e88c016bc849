//! Accounts that were deleted at Nextcloud.
//!
//! For a deleted account the token endpoint answers 500 with a page of HTML (facts §0 row 9), and Nextcloud refuses an
//! access token that is still good. Nothing is deleted on one such moment: the same must show again a while later, and
//! somebody else's grant must have been refreshed meanwhile. An outage of writes answers everybody like that, and still
//! knows a token that nobody has from a real one.
//!
//! With a long window the access token is over when the refresh token is used, so Nextcloud cannot be asked. Then the
//! doubt ends as well, but the user is paused, not erased.

use super::GrantError;
use super::broker::TokenBroker;
use super::grant_state::{Grant, GrantState};
use super::stored_access::StoredAccess;
use crate::auth::IdentityCheck;
use crate::auth::oidc::TokenFailure;
use crate::ids::UserId;
use crate::nextcloud::{Credential, NextcloudError};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use std::sync::Arc;

/// Between the first and the second look.
const CONFIRMED_AFTER: TimeDelta = TimeDelta::seconds(30);

/// The same where nobody else has a grant, so that only a token that nobody has shows how others are treated.
const CONFIRMED_ALONE_AFTER: TimeDelta = TimeDelta::days(1);

/// After so many failed refreshes, most of an hour, a doubt is not kept up any longer.
const HOPELESS: i32 = 12;

/// The same where nobody else was served: about a day.
const HOPELESS_ALONE: i32 = 300;

/// Longer than the pause between two attempts at a doubtful grant: a refresh of somebody else's in this time lies
/// between them.
const LATELY: TimeDelta = TimeDelta::minutes(15);

/// Why a doubtful grant is given up.
const GIVEN_UP: &str = "the identity provider serves others but has not refreshed this consent for a long time; the \
     account may be gone";

/// What Nextcloud says to the access token.
enum Look {
    /// It knows it.
    Known,
    /// It refuses it, although it is still good.
    Refused,
    /// There is no token that may be shown, or Nextcloud does not say.
    Untold,
}

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
        let store = self.broker.store();
        let Some(grant) = store.find(user).await? else {
            return Ok(false);
        };
        let now = self.broker.refresher().clock.now();
        let is_gone = match (self.look(&grant, now).await?, grant.absent_since) {
            (Look::Known, _) => {
                store.set_absent_since(&grant, None).await?;
                false
            }
            (Look::Refused, None) => {
                store.set_absent_since(&grant, Some(now)).await?;
                store.bring_another_forward(&grant, now).await?;
                false
            }
            (Look::Refused, Some(since)) if now - since >= CONFIRMED_AFTER => {
                store.was_another_served(&grant, since).await?
            }
            // The first look is a day old: no access token is left for a second one.
            (Look::Untold, Some(since)) if now - since >= CONFIRMED_ALONE_AFTER => {
                !store.has_another(&grant).await? && self.tells_strangers_apart(&grant.client_id).await
            }
            (Look::Refused | Look::Untold, _) => false,
        };
        if is_gone {
            self.access.forget_departed(user).await?;
            tracing::info!("a user whose account is gone at Nextcloud was removed");
        }
        Ok(is_gone)
    }

    async fn look(&self, grant: &Grant, now: DateTime<Utc>) -> Result<Look, GrantError> {
        // A token that may be expired proves nothing, and showing it would end the grant.
        if !grant.has_usable_token(now) {
            return Ok(Look::Untold);
        }
        let Some(token) = self.broker.store().access_token(grant)? else {
            return Ok(Look::Untold);
        };
        Ok(
            match self.identity.current_user(&Credential::Bearer(token)).await {
                Ok(_) => Look::Known,
                Err(NextcloudError::Unauthorized | NextcloudError::NotFound(_)) => Look::Refused,
                Err(_) => Look::Untold,
            },
        )
    }

    /// A refresh of `user`'s grant failed again, with `doubtful` as it does for a deleted account. A grant that is in
    /// doubt for long, while others are served, needs a new consent.
    pub(super) async fn give_up_if_hopeless(&self, user: &UserId, doubtful: bool) -> Result<(), GrantError> {
        let (store, refresher) = (self.broker.store(), self.broker.refresher());
        let Some(grant) = store.find(user).await? else {
            return Ok(());
        };
        let in_doubt = doubtful || grant.state == GrantState::Uncertain;
        if !in_doubt || grant.consecutive_failures < HOPELESS {
            return Ok(());
        }
        let now = refresher.clock.now();
        let others_are_served = store.was_another_served(&grant, now - LATELY).await?
            || grant.consecutive_failures >= HOPELESS_ALONE
                && self.tells_strangers_apart(&grant.client_id).await;
        if !others_are_served {
            store.bring_another_forward(&grant, now).await?;
        } else if store.give_up(&grant, GIVEN_UP, now).await? {
            tracing::warn!("a grant that could not be refreshed for long was given up");
            refresher.tell(user, GIVEN_UP.to_owned(), now).await;
        }
        Ok(())
    }

    /// Whether the token endpoint judges a token that nobody has as it should. That is little evidence: it needs no
    /// write at the provider.
    async fn tells_strangers_apart(&self, client_id: &str) -> bool {
        let mut random = [0; 32];
        let refresher = self.broker.refresher();
        refresher.entropy.fill(&mut random);
        let nobodys = SecretString::from(hex::encode(random));
        let answer = refresher.endpoint.refresh(client_id, &nobodys).await;
        matches!(answer, Err(TokenFailure::InvalidGrant(_)))
    }
}

//! A grant as it stands, its secrets still sealed.

use super::schedule;
use crate::auth::access::CredentialState;
use crate::ids::UserId;
use chrono::{DateTime, Utc};

/// What a grant is good for, as it stands in `grants.state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(super) enum GrantState {
    /// Works.
    Active,
    /// Somebody refreshes it.
    Refreshing,
    /// A refresh was cut short: its refresh token may be used up.
    Uncertain,
    /// Only a new consent helps.
    ReauthRequired,
    /// The operator must act; the grant is kept alive as far as that goes.
    OperatorActionRequired,
}

impl GrantState {
    /// As it stands in the database.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Refreshing => "refreshing",
            Self::Uncertain => "uncertain",
            Self::ReauthRequired => "reauth_required",
            Self::OperatorActionRequired => "operator_action_required",
        }
    }
}

impl From<GrantState> for CredentialState {
    fn from(state: GrantState) -> Self {
        match state {
            GrantState::Active => Self::Active,
            GrantState::Refreshing => Self::Refreshing,
            GrantState::Uncertain => Self::Uncertain,
            GrantState::ReauthRequired => Self::ReauthRequired,
            GrantState::OperatorActionRequired => Self::OperatorActionRequired,
        }
    }
}

/// A row of `grants`.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    /// Whose.
    pub(super) uid: UserId,
    /// The client that it was given to.
    pub(super) client_id: String,
    /// Issuer of the consent.
    pub(super) issuer: String,
    /// What was granted.
    pub(super) scopes: Vec<String>,
    /// Envelope.
    pub(super) refresh_token: String,
    /// Envelope.
    pub(super) access_token: Option<String>,
    /// When the access token ends.
    pub(super) access_expires_at: Option<DateTime<Utc>>,
    /// When the refresh token ends; `None`: no end is known.
    pub(super) refresh_expires_at: Option<DateTime<Utc>>,
    /// What it is good for.
    pub(super) state: GrantState,
    /// Why.
    pub(super) state_reason: Option<String>,
    /// Since when.
    pub(super) state_since: DateTime<Utc>,
    /// When the user consented.
    pub(super) provisioned_at: DateTime<Utc>,
    /// When it was last refreshed.
    pub(super) refreshed_at: Option<DateTime<Utc>>,
    /// When the next refresh is due.
    pub(super) refresh_due_at: Option<DateTime<Utc>>,
    /// Failed refreshes since the last good one.
    pub(super) consecutive_failures: i32,
    /// When Nextcloud refused a good access token.
    pub(super) refused_at: Option<DateTime<Utc>>,
    /// Since when the account looks deleted.
    pub(super) absent_since: Option<DateTime<Utc>>,
    /// Until when somebody may refresh it alone; `None`: nobody does.
    pub(super) lease_until: Option<DateTime<Utc>>,
    /// Grows with every claim and every result.
    pub(super) lease_generation: i64,
}

impl Grant {
    /// Whether its access token may be sent now.
    pub(super) fn has_usable_token(&self, now: DateTime<Utc>) -> bool {
        let issued_at = self.refreshed_at.unwrap_or(self.provisioned_at);
        self.access_token.is_some()
            && self
                .access_expires_at
                .is_some_and(|expires_at| schedule::is_usable(issued_at, expires_at, now))
    }

    /// Whether a refresh failed and the next attempt is not due yet.
    pub(super) fn is_backing_off(&self, now: DateTime<Utc>) -> bool {
        self.consecutive_failures > 0 && self.refresh_due_at.is_some_and(|due| due > now)
    }

    /// What people are told: a lease that ran out is a refresh that was cut short.
    pub(super) fn visible_state(&self, now: DateTime<Utc>) -> GrantState {
        match self.state {
            GrantState::Refreshing if self.lease_until.is_none_or(|until| until <= now) => {
                GrantState::Uncertain
            }
            state => state,
        }
    }
}

//! The right to refresh a grant: a lease with a fencing generation on its row.
//!
//! Every claim and every result raises the generation, and a claim names the one that was read: who saw a stale token
//! cannot refresh a grant that somebody else has refreshed meanwhile.

use super::GrantError;
use super::background::BEARER_REFUSED;
use super::grant_state::{Grant, GrantState};
use super::grant_store::GrantStore;
use crate::auth::membership;
use crate::db::DbError;
use crate::ids::UserId;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sqlx::PgConnection;

/// How long a holder may be silent: more than twice what a refresh may take until its answer.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// A claimed grant.
#[derive(Debug)]
pub(super) struct Lease {
    /// The grant as it was read before the claim; `lease_generation` is the lease's own.
    pub(super) grant: Grant,
    /// Whether an earlier refresh was cut short, so that the refresh token may be used up.
    pub(super) uncertain: bool,
}

/// What a good refresh gives.
pub(super) struct Refreshed<'a> {
    /// The new access token.
    pub(super) access_token: &'a SecretString,
    /// Its end.
    pub(super) access_expires_at: DateTime<Utc>,
    /// The new refresh token; `None`: the old one stays.
    pub(super) refresh_token: Option<&'a SecretString>,
    /// Its end.
    pub(super) refresh_expires_at: Option<DateTime<Utc>>,
    /// Before the request was sent.
    pub(super) asked_at: DateTime<Utc>,
    /// When the next refresh is due.
    pub(super) due_at: DateTime<Utc>,
    /// Active, unless Nextcloud refused its access tokens a short while ago.
    pub(super) state: GrantState,
}

/// What a failed refresh means.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    /// What the grant is good for now.
    pub(super) state: GrantState,
    /// Why.
    pub(super) reason: String,
    /// When it is tried again; `None`: never.
    pub(super) due_at: Option<DateTime<Utc>>,
}

impl GrantStore {
    /// Claims `grant` as it was read; `None` when somebody else refreshes or has refreshed it.
    pub(super) async fn claim(&self, grant: Grant, now: DateTime<Utc>) -> Result<Option<Lease>, GrantError> {
        let claimed = sqlx::query!(
            r#"update grants
               set lease_until = $4, lease_generation = lease_generation + 1,
                   state_since = case when lease_until is not null and state = 'refreshing' then $3
                                      else state_since end,
                   state = case when state not in ('active', 'refreshing') then state
                                when lease_until is not null then 'uncertain' else 'refreshing' end
               where uid = $1 and lease_generation = $2 and (lease_until is null or lease_until <= $3)
                 and state <> 'reauth_required'
               returning lease_generation, state as "state: GrantState""#,
            grant.uid.as_str(),
            grant.lease_generation,
            now,
            now + LEASE
        )
        .fetch_optional(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(claimed.map(|row| Lease {
            // A holder that vanished in the state "operator action required" leaves as much doubt as any other.
            uncertain: row.state == GrantState::Uncertain || grant.lease_until.is_some(),
            grant: Grant {
                lease_generation: row.lease_generation,
                ..grant
            },
        }))
    }

    /// Stores what a refresh gave and gives the lease back; `false` when the lease was lost.
    pub(super) async fn succeeded(
        &self,
        lease: &Lease,
        refreshed: &Refreshed<'_>,
    ) -> Result<bool, GrantError> {
        self.write(lease, refreshed, None).await
    }

    /// Stores a result whose lease was lost while it was written: its refresh token is the successor of the very one that
    /// still stands, which is worth nothing any more, whoever tries it now. `false` when something newer stands.
    pub(super) async fn succeeded_late(
        &self,
        lease: &Lease,
        refreshed: &Refreshed<'_>,
    ) -> Result<bool, GrantError> {
        self.write(lease, refreshed, Some(&lease.grant.refresh_token))
            .await
    }

    /// Writes a result while the lease stands or, with `predecessor`, while that refresh token does.
    async fn write(
        &self,
        lease: &Lease,
        refreshed: &Refreshed<'_>,
        predecessor: Option<&str>,
    ) -> Result<bool, GrantError> {
        let grant = &lease.grant;
        let was_active = grant.state == GrantState::Active && predecessor.is_none();
        let reason = (refreshed.state != GrantState::Active).then_some(BEARER_REFUSED);
        let mut tx = self.pool.begin().await.map_err(DbError)?;
        if !was_active {
            // The user's pause may end below; whoever changes both rows locks the user first.
            membership::lock(&mut tx, &grant.uid).await?;
        }
        let updated = sqlx::query!(
            "update grants
             set access_token = $4, access_expires_at = $5, refresh_token = coalesce($6, refresh_token),
                 refresh_expires_at = $7, refreshed_at = $8, refresh_due_at = $9, state = $10, state_reason = $11,
                 state_since = case when $12 or state = $10 then state_since else $8 end,
                 refused_at = case when $10 = 'active' then null else refused_at end, absent_since = null,
                 consecutive_failures = 0, lease_until = null, lease_generation = lease_generation + 1
             where uid = $1 and provisioned_at = $3
               and (lease_generation = $2 or refresh_token = $13 and state <> 'active')",
            grant.uid.as_str(),
            grant.lease_generation,
            grant.provisioned_at,
            self.seal(&grant.uid, "access_token", refreshed.access_token),
            refreshed.access_expires_at,
            refreshed
                .refresh_token
                .map(|token| self.seal(&grant.uid, "refresh_token", token)),
            refreshed.refresh_expires_at,
            refreshed.asked_at,
            refreshed.due_at,
            refreshed.state.name(),
            reason,
            was_active && refreshed.state == GrantState::Active,
            predecessor
        )
        .execute(&mut *tx)
        .await
        .map_err(DbError)?
        .rows_affected()
            == 1;
        if updated && !was_active && refreshed.state == GrantState::Active {
            resume(&mut tx, &grant.uid, refreshed.asked_at).await?;
        }
        tx.commit().await.map_err(DbError)?;
        Ok(updated)
    }

    /// Notes a failed refresh and gives the lease back; `false` when the lease was lost.
    pub(super) async fn failed(
        &self,
        lease: &Lease,
        failed: &Failed,
        now: DateTime<Utc>,
    ) -> Result<bool, GrantError> {
        let grant = &lease.grant;
        let dead = failed.state == GrantState::ReauthRequired;
        let updated = sqlx::query!(
            "update grants
             set state = $4, state_reason = $5, state_since = case when $6 then state_since else $7 end,
                 refresh_due_at = $8, access_token = case when $9 then null else access_token end,
                 consecutive_failures = consecutive_failures + 1, lease_until = null,
                 lease_generation = lease_generation + 1
             where uid = $1 and lease_generation = $2 and provisioned_at = $3",
            grant.uid.as_str(),
            grant.lease_generation,
            grant.provisioned_at,
            failed.state.name(),
            failed.reason,
            grant.state == failed.state,
            now,
            failed.due_at,
            dead
        )
        .execute(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(updated.rows_affected() == 1)
    }

    /// Whether the grant of this lease is the one that stands, whoever refreshes it.
    pub(super) async fn stands(&self, lease: &Lease) -> Result<bool, GrantError> {
        let found = sqlx::query_scalar!(
            r#"select exists (select from grants where uid = $1 and provisioned_at = $2) as "exists!""#,
            lease.grant.uid.as_str(),
            lease.grant.provisioned_at
        )
        .fetch_one(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(found)
    }
}

/// A grant that works again ends the pause that its failure caused. Housekeeping gives the user scans and turns.
async fn resume(conn: &mut PgConnection, user: &UserId, now: DateTime<Utc>) -> Result<(), GrantError> {
    sqlx::query!(
        "update users set sync_state = 'active', sync_state_reason = null, sync_state_since = $2
         where uid = $1 and sync_state = 'paused' and sync_state_reason in ('no_credential', 'credential_rejected')",
        user.as_str(),
        now
    )
    .execute(conn)
    .await
    .map_err(DbError)?;
    Ok(())
}

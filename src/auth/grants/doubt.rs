//! What the grants of others tell about one that cannot be refreshed.

use super::GrantError;
use super::grant_state::Grant;
use super::grant_store::GrantStore;
use crate::db::DbError;
use chrono::{DateTime, Utc};

impl GrantStore {
    /// Whether a grant of somebody else's, given to the same client, was refreshed at `since` or later.
    pub(super) async fn was_another_served(
        &self,
        grant: &Grant,
        since: DateTime<Utc>,
    ) -> Result<bool, GrantError> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from grants
                              where client_id = $1 and uid <> $2 and refreshed_at >= $3) as "exists!""#,
            grant.client_id,
            grant.uid.as_str(),
            since
        )
        .fetch_one(&self.pool)
        .await
        .map_err(DbError)?)
    }

    /// Whether somebody else has a grant of the same client that is refreshed.
    pub(super) async fn has_another(&self, grant: &Grant) -> Result<bool, GrantError> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from grants
                              where client_id = $1 and uid <> $2 and state <> 'reauth_required') as "exists!""#,
            grant.client_id,
            grant.uid.as_str()
        )
        .fetch_one(&self.pool)
        .await
        .map_err(DbError)?)
    }

    /// Makes one good grant of somebody else's due now, so that its refresh shows soon whether others are served. Not
    /// while several fail: a provider that is in trouble gets no further refresh token to use up.
    pub(super) async fn bring_another_forward(
        &self,
        grant: &Grant,
        now: DateTime<Utc>,
    ) -> Result<(), GrantError> {
        sqlx::query!(
            "update grants set refresh_due_at = $3
             where refresh_due_at > $3
               and uid = (select uid from grants
                          where client_id = $1 and uid <> $2 and state = 'active' and consecutive_failures = 0
                            and lease_until is null
                          order by refresh_due_at limit 1)
               and (select count(*) from grants
                    where client_id = $1 and uid <> $2 and state <> 'reauth_required'
                      and consecutive_failures > 0) < 2",
            grant.client_id,
            grant.uid.as_str(),
            now
        )
        .execute(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(())
    }

    /// Ends the attempts at a grant as it was read: only a new consent helps. `false` when it changed meanwhile.
    pub(super) async fn give_up(
        &self,
        grant: &Grant,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, GrantError> {
        let updated = sqlx::query!(
            "update grants
             set state = 'reauth_required', state_reason = $3, state_since = $4, refresh_due_at = null,
                 access_token = null, lease_generation = lease_generation + 1
             where uid = $1 and lease_generation = $2 and lease_until is null and state <> 'reauth_required'",
            grant.uid.as_str(),
            grant.lease_generation,
            reason,
            now
        )
        .execute(&self.pool)
        .await
        .map_err(DbError)?;
        Ok(updated.rows_affected() == 1)
    }
}

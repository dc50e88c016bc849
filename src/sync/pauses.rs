//! Pauses that outlived their reason.
//!
//! A scan that fails and a refresh that succeeds at the same time write in any order. When the pause comes last, a user
//! with a working credential is left alone, and no event ends that. Housekeeping does.

use super::SyncError;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;
use sqlx::postgres::types::PgInterval;

/// A credential that came at most this long before the pause may have been unknown to the scan that paused. A credential
/// that was really refused is no longer active, or no longer there.
const OVERTAKEN: TimeDelta = TimeDelta::minutes(5);

/// Ends pauses for want of a credential where one works by now; returns how many. Scans and turns are repaired elsewhere.
pub(super) async fn repair_pauses(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, SyncError> {
    let overtaken = PgInterval {
        months: 0,
        days: 0,
        microseconds: OVERTAKEN.num_microseconds().unwrap_or(0),
    };
    let ended = sqlx::query!(
        "update users u set sync_state = 'active', sync_state_reason = null, sync_state_since = $1
         where u.sync_state = 'paused' and u.sync_state_reason in ('no_credential', 'credential_rejected') and (
             exists (select from grants g
                     where g.uid = u.uid and g.state = 'active' and g.consecutive_failures = 0
                       and coalesce(g.refreshed_at, g.provisioned_at) > u.sync_state_since - $2::interval)
             or exists (select from app_passwords a
                        where a.uid = u.uid and a.updated_at > u.sync_state_since - $2::interval))",
        now,
        overtaken
    )
    .execute(pool)
    .await?;
    Ok(ended.rows_affected())
}

#[cfg(test)]
mod tests {
    use crate::clock::Clock;
    use crate::sync::test_support::World;
    use chrono::TimeDelta;
    use sqlx::PgPool;

    /// A paused user and, beside the pause, a grant that was refreshed `before` the pause.
    async fn paused(world: &World, grant_state: &str, before: TimeDelta) {
        world.enqueue("alice").await;
        let now = world.clock.now();
        sqlx::query(
            "update users set sync_state = 'paused', sync_state_reason = 'no_credential', sync_state_since = $1",
        )
        .bind(now)
        .execute(&world.pool)
        .await
        .unwrap();
        sqlx::query(
            "insert into grants (uid, issuer, subject, client_id, scopes, refresh_token, state, state_since,
                                 provisioned_at, refreshed_at)
             values ('alice', 'i', 'alice', 'c', '{}', 'sealed', $1, $2, $2, $2)",
        )
        .bind(grant_state)
        .bind(now - before)
        .execute(&world.pool)
        .await
        .unwrap();
    }

    async fn state_after_housekeeping(world: &World) -> String {
        world.engine.housekeeping().await.unwrap();
        world.one("select sync_state from users").await
    }

    #[sqlx::test]
    async fn a_pause_that_overtook_the_refresh_is_ended_and_the_user_is_scanned(pool: PgPool) {
        let world = World::keyword_only(pool);
        world.cloud.put("alice", "/x.md", "text");
        paused(&world, "active", TimeDelta::seconds(20)).await;
        assert_eq!(state_after_housekeeping(&world).await, "active");
        world.scan().await;
        assert_eq!(world.states().await.len(), 1);
    }

    #[sqlx::test]
    async fn a_grant_that_does_not_work_or_is_older_than_the_pause_ends_none(pool: PgPool) {
        let world = World::keyword_only(pool);
        paused(&world, "operator_action_required", TimeDelta::seconds(20)).await;
        assert_eq!(state_after_housekeeping(&world).await, "paused");
        sqlx::query("delete from users")
            .execute(&world.pool)
            .await
            .unwrap();
        paused(&world, "active", TimeDelta::minutes(10)).await;
        assert_eq!(state_after_housekeeping(&world).await, "paused");
    }

    #[sqlx::test]
    async fn an_app_password_that_came_during_the_scan_ends_the_pause(pool: PgPool) {
        let world = World::keyword_only(pool);
        paused(&world, "reauth_required", TimeDelta::zero()).await;
        assert_eq!(state_after_housekeeping(&world).await, "paused");
        sqlx::query(
            "insert into app_passwords (uid, login_name, password, created_at, updated_at)
             values ('alice', 'alice', 'sealed', $1, $1)",
        )
        .bind(world.clock.now())
        .execute(&world.pool)
        .await
        .unwrap();
        assert_eq!(state_after_housekeeping(&world).await, "active");
    }
}

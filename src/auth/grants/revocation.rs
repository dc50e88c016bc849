//! Ending elsewhere what was revoked here: refresh tokens at the identity provider, app passwords at Nextcloud.

use super::mint::AppPasswordApi;
use super::pending::{Ending, PendingRevocation};
use super::{GrantError, PendingRevocations};
use crate::audit::{AuditAction, AuditEvent, AuditOrigin, AuditTrail};
use crate::auth::oidc::{RemoteRevocation, TokenEndpoint, TokenFailure};
use crate::clock::SharedClock;
use crate::nextcloud::NextcloudError;
use chrono::TimeDelta;
use sqlx::PgPool;
use std::sync::Arc;

/// First delay after a failure; the next ones are twice as long each.
const FIRST_RETRY: TimeDelta = TimeDelta::minutes(1);

/// No delay is longer.
const LONGEST_RETRY: TimeDelta = TimeDelta::hours(6);

/// Then what could not be ended is given up, and its owner told by the audit trail.
const GIVE_UP_AFTER: TimeDelta = TimeDelta::days(30);

/// Finishes revocations.
#[derive(Debug)]
pub(super) struct Revocations {
    pub(super) pool: PgPool,
    pub(super) pending: PendingRevocations,
    pub(super) clock: SharedClock,
    pub(super) endpoint: Arc<dyn TokenEndpoint>,
    pub(super) app_passwords: Arc<dyn AppPasswordApi>,
    pub(super) audit: Arc<dyn AuditTrail>,
}

impl Revocations {
    /// Whether something waits for an attempt.
    pub(super) async fn any_due(&self) -> Result<bool, GrantError> {
        self.pending.any_due(&self.pool, self.clock.now()).await
    }

    /// Makes one attempt at up to `limit` due revocations; returns their number.
    pub(super) async fn finish(&self, limit: i64) -> Result<usize, GrantError> {
        let claimed = self.pending.claim(&self.pool, self.clock.now(), limit).await?;
        let count = claimed.len();
        for revocation in claimed {
            let (id, attempts) = (revocation.id, revocation.attempts);
            let overdue = self.clock.now() - revocation.created_at >= GIVE_UP_AFTER;
            let detail = match self.attempt(&revocation).await {
                Ok(ended) => ended.to_owned(),
                Err(error) if overdue => {
                    format!("given up after 30 days, end it by hand at Nextcloud: {error}")
                }
                Err(error) => {
                    tracing::info!(error, attempts, "a revocation is finished later");
                    let due_at = self.clock.now() + delay(attempts);
                    self.pending.put_off(&self.pool, id, &error, due_at).await?;
                    continue;
                }
            };
            self.pending.remove(&self.pool, id).await?;
            self.audit
                .record(AuditEvent {
                    at: self.clock.now(),
                    action: AuditAction::RemoteRevocation,
                    actor: None,
                    subject: Some(revocation.user),
                    origin: AuditOrigin::default(),
                    detail: Some(detail),
                })
                .await;
        }
        Ok(count)
    }

    /// How it ended, or why it must be tried again.
    async fn attempt(&self, revocation: &PendingRevocation) -> Result<&'static str, String> {
        match revocation.ending.as_ref().map_err(ToString::to_string)? {
            Ending::RefreshToken { client_id, token } => match self.endpoint.end(client_id, token).await {
                Ok(RemoteRevocation::Revoked) => Ok("the refresh token was revoked at the identity provider"),
                Ok(RemoteRevocation::RotatedAway) => {
                    Ok("the refresh token was used up at the identity provider, which revokes none")
                }
                Ok(RemoteRevocation::AlreadyDead) | Err(TokenFailure::InvalidGrant(_)) => {
                    Ok("the refresh token had ended at the identity provider already")
                }
                Err(failure) => Err(failure.to_string()),
            },
            Ending::AppPassword { login_name, password } => {
                match self.app_passwords.end(login_name, password).await {
                    Ok(()) => Ok("the app password was deleted at Nextcloud"),
                    Err(NextcloudError::Unauthorized) => {
                        Ok("the app password had been deleted at Nextcloud already")
                    }
                    Err(error) => Err(error.to_string()),
                }
            }
        }
    }
}

/// 1 min · 2ⁿ⁻¹ after attempt `n`, at most six hours.
fn delay(attempts: i32) -> TimeDelta {
    let exponent = u32::try_from(attempts.clamp(1, 10) - 1).unwrap_or(0);
    (FIRST_RETRY * 2_i32.pow(exponent)).min(LONGEST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_become_rare_and_stay_possible() {
        let minutes: Vec<i64> = [0, 1, 2, 5, 10, 1_000].map(|n| delay(n).num_minutes()).to_vec();
        assert_eq!(minutes, [1, 1, 2, 16, 360, 360]);
    }
}

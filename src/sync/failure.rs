//! What becomes of a document that could not be indexed.

use super::claim::Claimed;
use super::{SyncError, claim, listing, tombstones};
use crate::documents::SkipReason;
use crate::entropy::SharedEntropy;
use crate::nextcloud::NextcloudError;
use crate::telemetry;
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgPool;

/// First delay; the next ones are four times as long each.
const FIRST_DELAY_SECONDS: i64 = 15;

/// No delay is longer.
const LONGEST_DELAY_SECONDS: i64 = 3_600;

/// Delay while the host, not the document, is at fault.
const HOST_DELAY: TimeDelta = TimeDelta::seconds(30);

/// Longest reason that is stored, in code points.
const REASON_LENGTH: usize = 300;

/// 15 s · 4ⁿ⁻¹ after attempt `n`, at most an hour, plus or minus a fifth so that failures do not march in step.
pub fn retry_delay(attempt: i32, entropy: &SharedEntropy) -> TimeDelta {
    let exponent = u32::try_from(attempt.clamp(1, 10) - 1).unwrap_or_default();
    let seconds = FIRST_DELAY_SECONDS
        .saturating_mul(4_i64.saturating_pow(exponent))
        .min(LONGEST_DELAY_SECONDS);
    let mut byte = [0_u8; 1];
    entropy.fill(&mut byte);
    let jitter = seconds * 1_000 * (i64::from(byte[0]) - 128) / 640;
    TimeDelta::milliseconds((seconds * 1_000 + jitter).min(LONGEST_DELAY_SECONDS * 1_000))
}

/// Whether the failure says something about the host and nothing about the document.
pub fn is_host_problem(error: &NextcloudError) -> bool {
    matches!(
        error,
        NextcloudError::Unreachable(_)
            | NextcloudError::Throttled { .. }
            | NextcloudError::Maintenance { .. }
            | NextcloudError::ServerError { status: 502..=504 }
    )
}

/// How long to leave a host alone that asks for it, or fails.
pub fn host_delay(error: &NextcloudError) -> TimeDelta {
    match error {
        NextcloudError::Throttled {
            retry_after: Some(after),
        }
        | NextcloudError::Maintenance {
            retry_after: Some(after),
        } => TimeDelta::from_std(*after)
            .unwrap_or(HOST_DELAY)
            .clamp(HOST_DELAY, TimeDelta::minutes(5)),
        _ => HOST_DELAY,
    }
}

/// What a failure means for the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Tried again at this time; the attempt does not count.
    Delayed(DateTime<Utc>),
    /// Tried again at this time; the attempt counts.
    Retried(DateTime<Utc>),
    /// Given up until its version changes.
    Dead,
}

impl Verdict {
    /// As the metrics name it.
    fn label(self) -> &'static str {
        match self {
            Self::Delayed(_) => "delayed",
            Self::Retried(_) => "retried",
            Self::Dead => "dead",
        }
    }
}

/// Writes a failure. A version that changed meanwhile keeps its fresh start.
pub async fn record(
    pool: &PgPool,
    document: &Claimed,
    verdict: Verdict,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    let (counted, due) = match verdict {
        Verdict::Delayed(due) => (0, Some(due)),
        Verdict::Retried(due) => (1, Some(due)),
        Verdict::Dead => (1, None),
    };
    let reason: String = reason
        .chars()
        .filter(|c| !c.is_control())
        .take(REASON_LENGTH)
        .collect();
    let mut tx = pool.begin().await?;
    let written = sqlx::query!(
        "update documents set attempts = attempts + $4, reason = $5, due_at = coalesce($6, due_at), lease_until = null,
                state = case when $6::timestamptz is null then 'dead' else state end,
                state_changed_at = case when $6::timestamptz is null then $7 else state_changed_at end
         where id = $1 and lease_generation = $2 and etag = $3",
        document.id.0,
        document.lease_generation,
        document.etag,
        counted,
        reason,
        due,
        now
    )
    .execute(&mut *tx)
    .await?;
    if written.rows_affected() == 1 {
        tombstones::retire_hidden_generations(&mut tx, &[document.id.0], now).await?;
    } else {
        claim::release(&mut tx, document).await?;
    }
    tx.commit().await?;
    telemetry::record::document("any", verdict.label());
    Ok(())
}

/// Writes that no text can be had from this version; nothing of the document stays visible.
pub async fn skip(
    pool: &PgPool,
    document: &Claimed,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    let mut tx = pool.begin().await?;
    let written = sqlx::query!(
        "update documents set state = 'skipped', reason = $4, state_changed_at = $5, lease_until = null
         where id = $1 and lease_generation = $2 and etag = $3",
        document.id.0,
        document.lease_generation,
        document.etag,
        reason,
        now
    )
    .execute(&mut *tx)
    .await?;
    if written.rows_affected() == 1 {
        listing::hide(&mut tx, &[document.id.0], now).await?;
    } else {
        claim::release(&mut tx, document).await?;
    }
    tx.commit().await?;
    telemetry::record::document("text", "skipped");
    Ok(())
}

/// Documents that were skipped for this reason are due again: what was missing is there now.
pub async fn take_back(pool: &PgPool, reason: SkipReason, now: DateTime<Utc>) -> Result<u64, SyncError> {
    let taken = sqlx::query!(
        "update documents set state = 'pending', reason = null, attempts = 0, due_at = $2, state_changed_at = $2
         where state = 'skipped' and reason = $1",
        reason.as_str(),
        now
    )
    .execute(pool)
    .await?;
    Ok(taken.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::Entropy;
    use std::sync::Arc;

    #[derive(Debug)]
    struct Always(u8);

    impl Entropy for Always {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn delays_grow_fourfold_start_within_a_minute_and_end_at_an_hour() {
        let middle: SharedEntropy = Arc::new(Always(128));
        let seconds: Vec<i64> = (1..=6).map(|n| retry_delay(n, &middle).num_seconds()).collect();
        assert_eq!(seconds, [15, 60, 240, 960, 3_600, 3_600]);
        let latest: SharedEntropy = Arc::new(Always(255));
        assert!(retry_delay(1, &latest) < TimeDelta::seconds(60));
        let earliest: SharedEntropy = Arc::new(Always(0));
        assert_eq!(retry_delay(1, &earliest), TimeDelta::seconds(12));
    }

    #[test]
    fn a_throttled_host_is_left_alone_as_long_as_it_asks_within_reason() {
        let throttled = |seconds| NextcloudError::Throttled {
            retry_after: Some(std::time::Duration::from_secs(seconds)),
        };
        assert_eq!(host_delay(&throttled(90)), TimeDelta::seconds(90));
        assert_eq!(host_delay(&throttled(86_400)), TimeDelta::minutes(5));
        assert_eq!(
            host_delay(&NextcloudError::Unreachable("refused".into())),
            HOST_DELAY
        );
    }
}

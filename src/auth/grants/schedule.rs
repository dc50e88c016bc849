//! When a grant is refreshed, and how long its access token is used: pure rules.
//!
//! The `oidc` app ends a refresh token 30 minutes after its last use (facts §0 row 4), so a grant is kept alive whether
//! anybody uses it or not. An access token that may be expired is never sent: presenting one destroys the grant (row 1).

use crate::entropy::Entropy;
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// Lifetime of an access token whose answer names none: the `oidc` app's default.
const DEFAULT_LIFETIME: TimeDelta = TimeDelta::seconds(900);

/// What of an access token's life is left unused, at most; a short-lived one keeps a tenth.
const LONGEST_MARGIN: TimeDelta = TimeDelta::seconds(60);

/// A grant without an end is refreshed this often, so that a dead one is seen before it is needed.
const KEEP_ALIVE: TimeDelta = TimeDelta::days(1);

/// First delay after a failure; the next ones are twice as long each.
const FIRST_RETRY: TimeDelta = TimeDelta::seconds(15);

/// No delay of our own is longer.
const LONGEST_RETRY: TimeDelta = TimeDelta::minutes(5);

/// Even a window that is about to close is not hammered at.
const SHORTEST_RETRY: TimeDelta = TimeDelta::seconds(5);

/// A `Retry-After` beyond this is not believed.
const LONGEST_RETRY_AFTER: TimeDelta = TimeDelta::hours(1);

/// How often the operator's repair is looked for while the refresh token lives.
const OPERATOR_RETRY: TimeDelta = TimeDelta::minutes(5);

/// The same once the refresh token's time is over.
const OPERATOR_LATE_RETRY: TimeDelta = TimeDelta::hours(1);

/// A random byte that keeps grants from marching in step; 128 is the middle.
pub(super) fn jitter(entropy: &dyn Entropy) -> u8 {
    let mut byte = [0];
    entropy.fill(&mut byte);
    byte[0]
}

/// When an access token of the answer ends.
pub(super) fn access_expiry(issued_at: DateTime<Utc>, expires_in: Option<Duration>) -> DateTime<Utc> {
    issued_at + lifetime(expires_in).unwrap_or(DEFAULT_LIFETIME)
}

/// When the refresh token of the answer ends; `None`: no end is known.
pub(super) fn refresh_expiry(
    issued_at: DateTime<Utc>,
    refresh_expires_in: Option<Duration>,
) -> Option<DateTime<Utc>> {
    lifetime(refresh_expires_in).map(|lifetime| issued_at + lifetime)
}

/// Absurd lifetimes are cut to a hundred years: dates end.
fn lifetime(told: Option<Duration>) -> Option<TimeDelta> {
    let longest = TimeDelta::days(36_500);
    told.filter(|told| !told.is_zero())
        .map(|told| TimeDelta::from_std(told).map_or(longest, |told| told.min(longest)))
}

/// Whether an access token is still sent: more than 60 s, or a tenth of a short life, must remain.
pub(super) fn is_usable(issued_at: DateTime<Utc>, expires_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let margin = ((expires_at - issued_at) / 10).min(LONGEST_MARGIN);
    expires_at - now > margin.max(TimeDelta::zero())
}

/// When a grant that was refreshed now is refreshed next: after 44 to 50 % of its window, at least once a day, so that
/// half of the window is left for an outage. The `oidc` app tells the part of the window beyond the access token's life
/// only (facts §0 row 4): half of that is a quarter of the whole, and the old access token still works then.
pub(super) fn next_refresh(
    now: DateTime<Utc>,
    refresh_expires_at: Option<DateTime<Utc>>,
    jitter: u8,
) -> DateTime<Utc> {
    let longest = refresh_expires_at.map_or(KEEP_ALIVE, |end| ((end - now) / 2).min(KEEP_ALIVE));
    let delay = longest - longest / 8 * i32::from(jitter) / 255;
    now + delay.max(TimeDelta::seconds(1))
}

/// When a failed refresh is tried again: 15 s · 2ⁿ⁻¹ after failure `n`, at most five minutes and a quarter of what is
/// left of the window, plus or minus a fifth; never before `retry_after`.
pub(super) fn next_retry(
    now: DateTime<Utc>,
    failures: i32,
    retry_after: Option<Duration>,
    refresh_expires_at: Option<DateTime<Utc>>,
    jitter: u8,
) -> DateTime<Utc> {
    let doubled = FIRST_RETRY * 2_i32.pow(u32::try_from(failures.clamp(1, 6) - 1).unwrap_or(0));
    let mut delay = shaken(doubled.min(LONGEST_RETRY), jitter);
    if let Some(left) = refresh_expires_at.map(|end| end - now)
        && left > TimeDelta::zero()
    {
        delay = delay.min((left / 4).max(SHORTEST_RETRY));
    }
    let asked = retry_after.map_or(TimeDelta::zero(), |wait| {
        TimeDelta::from_std(wait).map_or(LONGEST_RETRY_AFTER, |wait| wait.min(LONGEST_RETRY_AFTER))
    });
    now + delay.max(asked)
}

/// When to look again whether the operator has acted.
pub(super) fn next_operator_retry(
    now: DateTime<Utc>,
    refresh_expires_at: Option<DateTime<Utc>>,
    jitter: u8,
) -> DateTime<Utc> {
    let over = refresh_expires_at.is_some_and(|end| end <= now);
    now + shaken(if over { OPERATOR_LATE_RETRY } else { OPERATOR_RETRY }, jitter)
}

/// Plus or minus a fifth.
fn shaken(delay: TimeDelta, jitter: u8) -> TimeDelta {
    delay + delay / 5 * (i32::from(jitter) - 128) / 128
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_780_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn t11_a_missing_lifetime_is_the_default_and_nonsense_harms_nobody() {
        assert_eq!(access_expiry(at(0), None), at(900));
        assert_eq!(access_expiry(at(0), Some(Duration::ZERO)), at(900));
        assert_eq!(access_expiry(at(0), Some(Duration::from_mins(1))), at(60));
        assert!(access_expiry(at(0), Some(Duration::MAX)) > at(0));
        assert_eq!(refresh_expiry(at(0), None), None);
        assert_eq!(
            refresh_expiry(at(0), Some(Duration::from_mins(30))),
            Some(at(1_800))
        );
    }

    #[test]
    fn a_token_that_may_be_expired_is_not_usable() {
        assert!(is_usable(at(0), at(900), at(839)));
        assert!(!is_usable(at(0), at(900), at(840)), "60 s are kept");
        assert!(is_usable(at(0), at(30), at(26)));
        assert!(
            !is_usable(at(0), at(30), at(27)),
            "a tenth of a short life is kept"
        );
        assert!(!is_usable(at(0), at(0), at(0)));
        assert!(
            !is_usable(at(900), at(0), at(0)),
            "an expiry before the issue is over"
        );
    }

    #[test]
    fn refreshes_come_long_before_the_window_ends_and_at_least_daily() {
        for jitter in [0, 128, 255] {
            let due = next_refresh(at(0), Some(at(1_800)), jitter);
            assert!(due >= at(787) && due <= at(900), "{due}");
            let due = next_refresh(at(0), None, jitter);
            assert!(due > at(20 * 3_600) && due <= at(86_400), "{due}");
            let month = next_refresh(at(0), Some(at(30 * 86_400)), jitter);
            assert!(month <= at(86_400));
            assert!(
                next_refresh(at(0), Some(at(-5)), jitter) > at(0),
                "never a busy loop"
            );
        }
    }

    #[test]
    fn retries_back_off_inside_the_window_and_honour_retry_after() {
        let seconds = |n, end| (next_retry(at(0), n, None, end, 128) - at(0)).num_seconds();
        assert_eq!(
            [1, 2, 3, 4, 5, 6, 99].map(|n| seconds(n, None)),
            [15, 30, 60, 120, 240, 300, 300]
        );
        assert_eq!(seconds(6, Some(at(400))), 100, "a quarter of what is left");
        assert_eq!(seconds(6, Some(at(8))), 5);
        assert_eq!(seconds(1, Some(at(-8))), 15, "a window that is over sets no pace");
        let asked = Some(Duration::from_mins(2));
        assert_eq!(next_retry(at(0), 1, asked, None, 128), at(120));
        let absurd = Some(Duration::MAX);
        assert_eq!(next_retry(at(0), 1, absurd, None, 128), at(3_600));
        assert_eq!(next_operator_retry(at(0), Some(at(600)), 128), at(300));
        assert_eq!(next_operator_retry(at(0), Some(at(0)), 128), at(3_600));
    }

    /// 1,000 grants with 30-minute windows, one refresh in twenty failing and two outages of twelve minutes.
    #[test]
    fn a_thousand_grants_live_through_a_simulated_day() {
        const WINDOW: i64 = 1_800;
        let mut random = 12_345_u32;
        let mut byte = move || {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            random.to_be_bytes()[0]
        };
        let end = |now: DateTime<Utc>| Some(now + TimeDelta::seconds(WINDOW));
        let mut queue = BinaryHeap::new();
        for grant in 0..1_000 {
            queue.push(Reverse((
                next_refresh(at(0), end(at(0)), byte()),
                grant,
                0,
                at(WINDOW),
            )));
        }
        let (mut refreshes, mut lost) = (0, 0);
        while let Some(Reverse((now, grant, failures, ends))) = queue.pop() {
            if now > at(86_400) {
                break;
            }
            if now >= ends {
                lost += 1;
                continue;
            }
            let away = [20_000, 60_000]
                .iter()
                .any(|&from| now >= at(from) && now < at(from + 720));
            if away || byte() < 13 {
                let again = next_retry(now, failures + 1, None, Some(ends), byte());
                queue.push(Reverse((again, grant, failures + 1, ends)));
            } else {
                refreshes += 1;
                let next = next_refresh(now, end(now), byte());
                queue.push(Reverse((next, grant, 0, now + TimeDelta::seconds(WINDOW))));
            }
        }
        assert_eq!(lost, 0);
        assert_eq!(queue.len() + 1, 1_000);
        assert!((95_000..115_000).contains(&refreshes), "{refreshes}");
    }
}

//! How many events one key may cause in a stretch of time.

use crate::clock::SharedClock;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Keys kept before those without recent events are dropped.
const PURGE_ABOVE: usize = 10_000;

/// The window of a key is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowFull {
    /// Until the oldest event leaves the window.
    pub retry_after: Duration,
}

/// At most `limit` events per key within `window`, counted over a sliding window in this process.
#[derive(Debug)]
pub struct SlidingWindow<K> {
    limit: usize,
    window: TimeDelta,
    clock: SharedClock,
    events: Mutex<HashMap<K, VecDeque<DateTime<Utc>>>>,
}

impl<K: Eq + Hash> SlidingWindow<K> {
    /// Allows `limit` events per key in any `window`.
    pub fn new(limit: usize, window: Duration, clock: SharedClock) -> Self {
        let window = TimeDelta::from_std(window).unwrap_or(TimeDelta::MAX);
        Self {
            limit,
            window,
            clock,
            events: Mutex::new(HashMap::new()),
        }
    }

    /// Whether `key` has an event left; counts nothing.
    pub fn check(&self, key: &K) -> Result<(), WindowFull> {
        let now = self.clock.now();
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(times) = events.get_mut(key) else {
            return Ok(());
        };
        self.forget_old(times, now);
        if times.len() < self.limit {
            return Ok(());
        }
        let oldest = times.front().copied().unwrap_or(now);
        let wait = (oldest + self.window - now).to_std().unwrap_or_default();
        Err(WindowFull {
            retry_after: wait.max(Duration::from_secs(1)),
        })
    }

    /// Counts an event of `key`.
    pub fn record(&self, key: K) {
        let now = self.clock.now();
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        if events.len() >= PURGE_ABOVE {
            events.retain(|_, times| {
                self.forget_old(times, now);
                !times.is_empty()
            });
        }
        let times = events.entry(key).or_default();
        self.forget_old(times, now);
        times.push_back(now);
    }

    fn forget_old(&self, times: &mut VecDeque<DateTime<Utc>>, now: DateTime<Utc>) {
        while times.front().is_some_and(|at| *at + self.window <= now) {
            times.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::testing::manual_clock;

    #[test]
    fn the_window_slides() {
        let clock = manual_clock();
        let window = SlidingWindow::new(2, Duration::from_mins(1), clock.clone());
        window.record("a");
        clock.advance(Duration::from_secs(40));
        assert_eq!(window.check(&"a"), Ok(()));
        window.record("a");
        assert_eq!(
            window.check(&"a"),
            Err(WindowFull {
                retry_after: Duration::from_secs(20)
            })
        );
        assert_eq!(window.check(&"b"), Ok(()));
        clock.advance(Duration::from_secs(20));
        assert_eq!(window.check(&"a"), Ok(()));
        window.record("a");
        assert_eq!(
            window.check(&"a"),
            Err(WindowFull {
                retry_after: Duration::from_secs(40)
            })
        );
    }

    #[test]
    fn old_keys_do_not_pile_up() {
        let clock = manual_clock();
        let window = SlidingWindow::new(1, Duration::from_secs(1), clock.clone());
        for key in 0..PURGE_ABOVE {
            window.record(key);
        }
        clock.advance(Duration::from_secs(2));
        window.record(PURGE_ABOVE);
        assert_eq!(window.events.lock().unwrap().len(), 1);
    }
}

//! The simulator's time: the machine's, or a fixed moment, plus an offset that a test can move forward.

use std::sync::atomic::{AtomicI64, Ordering};

/// [`Clock::pinned`] of a clock that follows the machine.
const RUNNING: i64 = i64::MIN;

/// Wall-clock seconds with an adjustable offset.
#[derive(Debug)]
pub(crate) struct Clock {
    offset_seconds: AtomicI64,
    /// The moment at which the clock stands still, offset aside; [`RUNNING`] if it does not.
    pinned: AtomicI64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            offset_seconds: AtomicI64::new(0),
            pinned: AtomicI64::new(RUNNING),
        }
    }
}

impl Clock {
    /// Seconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        let base = match self.pinned.load(Ordering::Relaxed) {
            RUNNING => machine(),
            pinned => pinned,
        };
        base + self.offset_seconds.load(Ordering::Relaxed)
    }

    /// Moves time forward by `seconds`.
    pub(crate) fn advance(&self, seconds: i64) {
        self.offset_seconds.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Stops the clock at this moment; from then on only [`Self::advance`] moves it.
    pub(crate) fn pin(&self, seconds: i64) {
        self.offset_seconds.store(0, Ordering::Relaxed);
        self.pinned.store(seconds, Ordering::Relaxed);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the simulator's own injectable clock"
)]
fn machine() -> i64 {
    chrono::Utc::now().timestamp()
}

/// The RFC 1123 form of HTTP dates and of `d:getlastmodified`.
pub(crate) fn http_date(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

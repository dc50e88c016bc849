//! The simulator's time: the machine's, plus an offset that a test can move forward.

use std::sync::atomic::{AtomicI64, Ordering};

/// Wall-clock seconds with an adjustable offset.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset_seconds: AtomicI64,
}

impl Clock {
    /// Seconds since the Unix epoch.
    pub(crate) fn now(&self) -> i64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the simulator's own injectable clock"
        )]
        let machine = chrono::Utc::now().timestamp();
        machine + self.offset_seconds.load(Ordering::Relaxed)
    }

    /// Moves time forward by `seconds`.
    pub(crate) fn advance(&self, seconds: i64) {
        self.offset_seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

/// The RFC 1123 form of HTTP dates and of `d:getlastmodified`.
pub(crate) fn http_date(seconds: i64) -> String {
    chrono::DateTime::from_timestamp(seconds, 0)
        .unwrap_or_default()
        .format("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

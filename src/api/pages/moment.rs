//! Times as people read them.

use chrono::{DateTime, Utc};

/// A moment on a page.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct Moment(pub(in crate::api) DateTime<Utc>);

impl Moment {
    /// For the attribute `datetime`.
    pub(in crate::api) fn machine(self) -> String {
        self.0.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
    }

    /// Such as `23 November 2026, 15:13 UTC`.
    pub(in crate::api) fn text(self) -> String {
        self.0.format("%-d %B %Y, %H:%M UTC").to_string()
    }
}

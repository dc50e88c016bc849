//! Times as people read them.

use chrono::{DateTime, TimeDelta, Utc};

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

/// A length of time on a page.
#[derive(Debug, Clone, Copy)]
pub(in crate::api) struct Span(pub(in crate::api) TimeDelta);

impl Span {
    /// In the largest unit that says enough, rounded: `3 s`, `12 min`, `5 h`, `4 days`.
    pub(in crate::api) fn text(self) -> String {
        let seconds = self.0.num_seconds().max(0);
        match seconds {
            0 => "under 1 s".to_owned(),
            1..60 => format!("{seconds} s"),
            60..5_400 => format!("{} min", (seconds + 30) / 60),
            5_400..172_800 => format!("{} h", (seconds + 1_800) / 3_600),
            _ => format!("{} days", (seconds + 43_200) / 86_400),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_one_unit() {
        for (seconds, text) in [
            (-5, "under 1 s"),
            (0, "under 1 s"),
            (59, "59 s"),
            (90, "2 min"),
            (7_200, "2 h"),
            (400_000, "5 days"),
        ] {
            assert_eq!(Span(TimeDelta::seconds(seconds)).text(), text);
        }
    }
}

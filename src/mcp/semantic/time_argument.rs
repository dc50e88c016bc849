//! A moment as a model writes it.

use crate::mcp::error::ToolError;
use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use schemars::JsonSchema;
use serde::Deserialize;

/// RFC 3339 text, a date, or Unix seconds. Without an offset it is UTC.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum TimeArgument {
    Seconds(i64),
    Text(String),
}

impl TimeArgument {
    /// The moment; `argument` names it in the error.
    pub(super) fn moment(&self, argument: &str) -> Result<DateTime<Utc>, ToolError> {
        let moment = match self {
            Self::Seconds(seconds) => DateTime::from_timestamp(*seconds, 0),
            Self::Text(text) => parse(text.trim()),
        };
        moment.ok_or_else(|| {
            ToolError::Arguments(format!(
                "argument `{argument}` must be RFC 3339, such as 2026-03-01T12:00:00Z, a date or Unix seconds"
            ))
        })
    }
}

fn parse(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|moment| moment.to_utc())
        .ok()
        .or_else(|| text.parse::<NaiveDateTime>().ok().map(|naive| naive.and_utc()))
        .or_else(|| Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc()))
        .or_else(|| DateTime::from_timestamp(text.parse().ok()?, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_spellings_mean_one_moment() {
        let expected = DateTime::from_timestamp(1_772_323_200, 0).unwrap();
        for text in [
            "2026-03-01T00:00:00Z",
            "2026-03-01T01:00:00+01:00",
            "2026-03-01T00:00:00",
            "2026-03-01",
            "1772323200",
        ] {
            let moment = TimeArgument::Text(text.into()).moment("modified_after").unwrap();
            assert_eq!(moment, expected, "{text}");
        }
        assert_eq!(
            TimeArgument::Seconds(1_772_323_200).moment("x").unwrap(),
            expected
        );
        assert!(TimeArgument::Text("yesterday".into()).moment("x").is_err());
        assert!(TimeArgument::Seconds(i64::MAX).moment("x").is_err());
    }
}

//! Dates as people write them into a filter.

use crate::search::SearchError;
use chrono::{DateTime, NaiveDate, Utc};

/// The beginning (UTC) of a year, month or day, or a moment in RFC 3339.
pub(super) fn read(filter: &str, value: &str) -> Result<DateTime<Utc>, SearchError> {
    whole(value)
        .or_else(|| {
            DateTime::parse_from_rfc3339(value)
                .ok()
                .map(|moment| moment.with_timezone(&Utc))
        })
        .ok_or_else(|| {
            let shown: String = value.chars().filter(|c| !c.is_control()).take(40).collect();
            SearchError::Invalid(format!(
                "the filter `{filter}:` expects a date such as 2024-01-31, 2024-01 or 2024, not \"{shown}\""
            ))
        })
}

fn whole(value: &str) -> Option<DateTime<Utc>> {
    let mut parts = value.split('-');
    let year = number(parts.next()?, 4)?;
    let month = parts.next().map_or(Some(1), |part| number(part, 2))?;
    let day = parts.next().map_or(Some(1), |part| number(part, 2))?;
    if parts.next().is_some() {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
    Some(date.and_hms_opt(0, 0, 0)?.and_utc())
}

/// A number of exactly (a year) or at most `digits` digits.
fn number(text: &str, digits: usize) -> Option<u32> {
    let fits = if digits == 4 {
        text.len() == digits
    } else {
        (1..=digits).contains(&text.len())
    };
    (fits && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_months_years_and_moments_are_read() {
        for (written, meant) in [
            ("2024-02-29", "2024-02-29T00:00:00Z"),
            ("2024-2-9", "2024-02-09T00:00:00Z"),
            ("2024-11", "2024-11-01T00:00:00Z"),
            ("2024", "2024-01-01T00:00:00Z"),
            ("2024-01-31T12:30:00+02:00", "2024-01-31T10:30:00Z"),
        ] {
            assert_eq!(
                read("after", written).unwrap(),
                meant.parse::<DateTime<Utc>>().unwrap()
            );
        }
    }

    #[test]
    fn what_is_no_date_is_refused_with_an_example() {
        for wrong in [
            "2024-02-30",
            "31.01.2024",
            "24",
            "2024-1-1-1",
            "2024-",
            "-5",
            "20240131",
            "soon\u{7}",
        ] {
            let message = read("before", wrong).unwrap_err().to_string();
            assert!(
                message.contains("`before:`") && message.contains("2024-01-31"),
                "{message}"
            );
            assert!(!message.contains('\u{7}'));
        }
    }
}

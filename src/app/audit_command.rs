//! `audit`: the trail on the command line.

use super::{AppError, ExitReason, Foundation, say};
use crate::audit::{AuditAction, AuditEvent, AuditFilter, PgAuditTrail, RecordedEvent};
use crate::config::Config;
use crate::ids::UserId;
use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;
use std::str::FromStr;

/// Which lines `audit` prints.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// Lines in which this UID acted, or which are about it.
    pub user: Option<String>,
    /// Lines with this action.
    pub action: Option<AuditAction>,
    /// Lines from then on.
    pub since: Option<Since>,
    /// At most this many: the newest.
    pub limit: u32,
    /// One JSON object per line.
    pub json: bool,
}

/// The beginning of a span that lasts until now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// A moment.
    At(DateTime<Utc>),
    /// So long ago.
    Ago(TimeDelta),
}

/// What was given for `--since` is none of its forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write a date (2026-11-23), a time (2026-11-23T08:00:00Z) or a span (30m, 24h, 7d)")]
pub struct SinceError;

impl FromStr for Since {
    type Err = SinceError;

    fn from_str(text: &str) -> Result<Self, SinceError> {
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::At(moment.to_utc()));
        }
        if let Ok(day) = NaiveDate::from_str(text) {
            return Ok(Self::At(day.and_time(NaiveTime::MIN).and_utc()));
        }
        let span = |suffix, unit: fn(i64) -> Option<TimeDelta>| {
            let number = text.strip_suffix(suffix)?.parse::<u32>().ok()?;
            unit(i64::from(number))
        };
        span('m', TimeDelta::try_minutes)
            .or_else(|| span('h', TimeDelta::try_hours))
            .or_else(|| span('d', TimeDelta::try_days))
            .map(Self::Ago)
            .ok_or(SinceError)
    }
}

impl Since {
    fn moment(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(moment) => moment,
            Self::Ago(span) => now.checked_sub_signed(span).unwrap_or(DateTime::UNIX_EPOCH),
        }
    }
}

/// Prints the lines that `query` asks for, the newest last. Nextcloud is not asked.
pub async fn audit(config: Config, query: AuditQuery) -> Result<ExitReason, AppError> {
    let foundation = Foundation::look(&config).await?;
    let outcome = read(&foundation, &query).await;
    foundation.close().await;
    let events = outcome?;
    if query.json {
        for event in &events {
            say(&as_json(event));
        }
    } else if events.is_empty() {
        say("nothing is recorded");
    } else {
        say(&table(&events));
    }
    Ok(ExitReason::Done)
}

async fn read(foundation: &Foundation, query: &AuditQuery) -> Result<Vec<AuditEvent>, AppError> {
    // A database that no server has used yet has no trail.
    if !foundation.has_schema().await? {
        return Ok(Vec::new());
    }
    let filter = AuditFilter {
        user: query.user.as_ref().map(UserId::new),
        action: query.action,
        since: query.since.map(|since| since.moment(foundation.clock.now())),
    };
    let lines = PgAuditTrail::new(foundation.pool().clone())
        .all(&filter, i64::from(query.limit), None)
        .await?;
    Ok(lines
        .into_iter()
        .rev()
        .map(|RecordedEvent { event, .. }| event)
        .collect())
}

fn as_json(event: &AuditEvent) -> String {
    json!({
        "at": event.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        "action": event.action.name(),
        "actor": event.actor,
        "subject": event.subject,
        "client_address": event.origin.address,
        "request_id": event.origin.request_id,
        "detail": event.detail,
    })
    .to_string()
}

fn table(events: &[AuditEvent]) -> String {
    let heading = ["time (UTC)", "action", "who", "about", "from", "detail"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heading).chain(events.iter().map(row)).collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: [usize; 6] = std::array::from_fn(width);
    let lines = rows.iter().map(|row| {
        let cells = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn row(event: &AuditEvent) -> [String; 6] {
    let user = |user: &Option<UserId>, nobody: &str| {
        user.as_ref()
            .map_or_else(|| nobody.to_owned(), |user| printable(user.as_str()))
    };
    [
        event.at.format("%Y-%m-%d %H:%M:%S").to_string(),
        event.action.name().to_owned(),
        user(&event.actor, "server"),
        user(&event.subject, "–"),
        event
            .origin
            .address
            .map_or_else(|| "–".to_owned(), |address| address.to_string()),
        event.detail.as_deref().map(printable).unwrap_or_default(),
    ]
}

/// Nothing that stands in the trail may steer the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AuditOrigin;

    fn event() -> AuditEvent {
        AuditEvent {
            at: DateTime::UNIX_EPOCH,
            action: AuditAction::Revocation,
            actor: Some(UserId::new("alice")),
            subject: Some(UserId::new("alice\u{1b}[2J")),
            origin: AuditOrigin {
                address: Some("192.0.2.7".parse().unwrap()),
                request_id: Some("01J".to_owned()),
            },
            detail: Some("by the button".to_owned()),
        }
    }

    #[test]
    fn since_reads_moments_days_and_spans() {
        let now = DateTime::parse_from_rfc3339("2026-11-23T12:00:00Z")
            .unwrap()
            .to_utc();
        let moment = |text: &str| text.parse::<Since>().unwrap().moment(now).to_rfc3339();
        assert_eq!(moment("2026-11-20"), "2026-11-20T00:00:00+00:00");
        assert_eq!(moment("2026-11-20T08:00:00+01:00"), "2026-11-20T07:00:00+00:00");
        assert_eq!(moment("30m"), "2026-11-23T11:30:00+00:00");
        assert_eq!(moment("24h"), "2026-11-22T12:00:00+00:00");
        assert_eq!(moment("7d"), "2026-11-16T12:00:00+00:00");
        assert_eq!(moment("4294967295d"), "1970-01-01T00:00:00+00:00");
        for wrong in ["", "yesterday", "7", "-7d", "7w", "2026-13-01"] {
            assert_eq!(wrong.parse::<Since>(), Err(SinceError), "{wrong}");
        }
    }

    #[test]
    fn the_table_is_aligned_and_cannot_steer_the_terminal() {
        let server = AuditEvent {
            actor: None,
            subject: None,
            origin: AuditOrigin::default(),
            detail: None,
            action: AuditAction::KeyRotation,
            ..event()
        };
        let text = table(&[event(), server]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let at = lines[0].find("who").unwrap();
        assert!(lines[1][at..].starts_with("alice") && lines[2][at..].starts_with("server"));
        assert!(lines[1].ends_with("by the button"));
    }

    #[test]
    fn a_json_line_names_everything() {
        let line: serde_json::Value = serde_json::from_str(&as_json(&event())).unwrap();
        assert_eq!(line["at"], "1970-01-01T00:00:00.000Z");
        assert_eq!(
            (
                line["action"].as_str(),
                line["actor"].as_str(),
                line["client_address"].as_str()
            ),
            (Some("revocation"), Some("alice"), Some("192.0.2.7"))
        );
    }
}

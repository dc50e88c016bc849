//! The text of an event or task: what it is, when, where, who, and what it is about. Alarms are left out.

use super::when::{self, Moment};
use crate::nextcloud::groupware;
use calcard::common::IanaString;
use calcard::icalendar::{
    ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarParameterName, ICalendarProperty,
    ICalendarValue, Uri,
};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;

/// Attendees that are named; of a larger crowd the number is told.
const MAX_ATTENDEES: usize = 50;

/// Changed occurrences of a series that are told.
const MAX_CHANGED: usize = 50;

/// An iCalendar object as far as it becomes a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventDocument {
    /// `SUMMARY`, or what it is where that is missing.
    pub(super) title: String,
    /// Markdown.
    pub(super) text: String,
    /// `LAST-MODIFIED`, else `DTSTAMP`.
    pub(super) modified: Option<DateTime<Utc>>,
    /// Whether readers of a shared calendar see all of it. Nextcloud hides what is private from them, and shows what is
    /// confidential as a busy time only, under the same `ETag`.
    pub(super) public: bool,
}

/// Reads an object; `None` when it holds no event, task or journal entry.
pub(super) fn read(data: &str) -> Option<EventDocument> {
    let calendar = groupware::calendar(data)?;
    let parts: Vec<&ICalendarComponent> = calendar.components.iter().filter(|part| is_entry(part)).collect();
    let main = parts
        .iter()
        .find(|part| !part.is_recurrence_override())
        .or(parts.first())
        .copied()?;
    let title = line(main, &ICalendarProperty::Summary).unwrap_or_else(|| {
        match main.component_type {
            ICalendarComponentType::VTodo => "Task",
            ICalendarComponentType::VJournal => "Journal entry",
            _ => "Event",
        }
        .to_owned()
    });
    let mut text = format!("{title}\n\n");
    describe(main, &mut text);
    let changed = parts.iter().filter(|part| !std::ptr::eq(**part, main));
    for part in changed.take(MAX_CHANGED) {
        occurrence(part, &title, &mut text);
    }
    Some(EventDocument {
        modified: instant(main, &ICalendarProperty::LastModified)
            .or_else(|| instant(main, &ICalendarProperty::Dtstamp)),
        public: groupware::is_public(&calendar),
        title,
        text,
    })
}

fn is_entry(part: &ICalendarComponent) -> bool {
    matches!(
        part.component_type,
        ICalendarComponentType::VEvent | ICalendarComponentType::VTodo | ICalendarComponentType::VJournal
    )
}

fn describe(part: &ICalendarComponent, out: &mut String) {
    fact(out, "When", period(part));
    for rule in part
        .properties(&ICalendarProperty::Rrule)
        .flat_map(|entry| &entry.values)
    {
        if let ICalendarValue::RecurrenceRule(rule) = rule {
            fact(out, "Repeats", Some(when::repetition(rule)));
        }
    }
    fact(out, "Due", moment(part, &ICalendarProperty::Due));
    fact(out, "Completed", moment(part, &ICalendarProperty::Completed));
    fact(out, "Status", part.status().map(|status| spoken(status.as_str())));
    fact(
        out,
        "Progress",
        number(part, &ICalendarProperty::PercentComplete).map(|done| format!("{done} %")),
    );
    fact(
        out,
        "Priority",
        number(part, &ICalendarProperty::Priority).and_then(priority),
    );
    fact(out, "Where", line(part, &ICalendarProperty::Location));
    fact(
        out,
        "Organizer",
        part.property(&ICalendarProperty::Organizer).and_then(person),
    );
    fact(out, "Attendees", attendees(part));
    fact(out, "Categories", list(part, &ICalendarProperty::Categories));
    fact(out, "Link", line(part, &ICalendarProperty::Url));
    if let Some(description) = text_of(part, &ICalendarProperty::Description) {
        let _ = write!(out, "\n{description}\n");
    }
    for comment in part
        .properties(&ICalendarProperty::Comment)
        .filter_map(first_text)
    {
        let _ = write!(out, "\n{comment}\n");
    }
}

/// One changed occurrence of a series.
fn occurrence(part: &ICalendarComponent, series: &str, out: &mut String) {
    let _ = writeln!(out);
    fact(
        out,
        "Changed occurrence",
        moment(part, &ICalendarProperty::RecurrenceId),
    );
    fact(
        out,
        "Title",
        line(part, &ICalendarProperty::Summary).filter(|title| title != series),
    );
    describe(part, out);
}

/// `Name: value`, a line of its own in Markdown.
fn fact(out: &mut String, name: &str, value: Option<String>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        // A String never fails to be written to.
        let _ = writeln!(out, "- {name}: {value}");
    }
}

fn period(part: &ICalendarComponent) -> Option<String> {
    let start = part.property(&ICalendarProperty::Dtstart).and_then(Moment::of)?;
    let end = part.property(&ICalendarProperty::Dtend).and_then(Moment::of);
    let mut words = match end {
        Some(end) => start.until(&end),
        None => start.words(),
    };
    let lasts = part
        .property(&ICalendarProperty::Duration)
        .and_then(|entry| entry.values.first());
    if let Some(ICalendarValue::Duration(lasts)) = lasts {
        // Of any size: whoever wrote the event chose them. Sums of these cannot overflow 64 bits.
        let [weeks, days, hours, minutes] =
            [lasts.weeks, lasts.days, lasts.hours, lasts.minutes].map(u64::from);
        let minutes = minutes + 60 * (hours + 24 * (days + 7 * weeks));
        let _ = write!(words, ", for {}:{:02} hours", minutes / 60, minutes % 60);
    }
    Some(words)
}

fn moment(part: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    Some(part.property(property).and_then(Moment::of)?.words())
}

fn instant(part: &ICalendarComponent, property: &ICalendarProperty) -> Option<DateTime<Utc>> {
    let value = part.property(property)?.values.first()?.as_partial_date_time()?;
    DateTime::from_timestamp(value.to_timestamp()?, 0)
}

fn first_text(entry: &ICalendarEntry) -> Option<String> {
    let text = entry.values.first()?.as_text()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn text_of(part: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    part.property(property).and_then(first_text)
}

/// A text in one line.
fn line(part: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    text_of(part, property).map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn list(part: &ICalendarComponent, property: &ICalendarProperty) -> Option<String> {
    let words: Vec<&str> = part
        .properties(property)
        .flat_map(|entry| &entry.values)
        .filter_map(ICalendarValue::as_text)
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect();
    (!words.is_empty()).then(|| words.join(", "))
}

fn number(part: &ICalendarComponent, property: &ICalendarProperty) -> Option<i64> {
    part.property(property)?.values.first()?.as_integer()
}

/// RFC 5545 §3.8.1.9: 1 is the highest, 9 the lowest, 0 is none.
fn priority(number: i64) -> Option<String> {
    let word = match number {
        1..=4 => "high",
        5 => "medium",
        6..=9 => "low",
        _ => return None,
    };
    Some(word.to_owned())
}

/// `NEEDS-ACTION` → `needs action`.
fn spoken(code: &str) -> String {
    code.to_lowercase().replace('-', " ")
}

/// `Name <address>`.
fn person(entry: &ICalendarEntry) -> Option<String> {
    let address = match entry.values.first()? {
        ICalendarValue::Uri(Uri::Location(address)) | ICalendarValue::Text(address) => {
            let bare = address
                .get(..7)
                .filter(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
            bare.map_or(address.as_str(), |_scheme| &address[7..])
        }
        _ => "",
    };
    let name = entry
        .parameter(&ICalendarParameterName::Cn)
        .and_then(|name| name.as_text())
        .map(str::trim)
        .unwrap_or_default();
    match (name, address.trim()) {
        ("", "") => None,
        ("", address) => Some(address.to_owned()),
        (name, "") => Some(name.to_owned()),
        (name, address) if name == address => Some(name.to_owned()),
        (name, address) => Some(format!("{name} <{address}>")),
    }
}

fn attendees(part: &ICalendarComponent) -> Option<String> {
    let all: Vec<String> = part
        .properties(&ICalendarProperty::Attendee)
        .filter_map(|entry| {
            let reply = entry
                .parameter(&ICalendarParameterName::Partstat)
                .and_then(|reply| reply.as_text())
                .map(|reply| format!(" ({})", spoken(reply)))
                .unwrap_or_default();
            Some(person(entry)? + &reply)
        })
        .collect();
    let more = all.len().saturating_sub(MAX_ATTENDEES);
    let mut words = all
        .iter()
        .take(MAX_ATTENDEES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        let _ = write!(words, " and {more} more");
    }
    (!words.is_empty()).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(inside: &str) -> String {
        format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\n{inside}END:VCALENDAR\r\n")
    }

    #[test]
    fn an_event_is_told_in_words() {
        let data = object(
            "BEGIN:VEVENT\r\nUID:e1\r\nDTSTAMP:20260101T000000Z\r\nLAST-MODIFIED:20260102T030405Z\r\n\
             DTSTART;TZID=Europe/Berlin:20260102T100000\r\nDTEND;TZID=Europe/Berlin:20260102T110000\r\n\
             SUMMARY:Crew\\, briefing\r\nLOCATION:Pier 4\\nHarbour\r\nRRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;COUNT=5\r\n\
             ORGANIZER;CN=Alice:mailto:alice@example.test\r\n\
             ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION:mailto:bob@example.test\r\nCATEGORIES:ferry,crew\r\n\
             STATUS:CONFIRMED\r\nDESCRIPTION:First line.\\n\\nSecond line.\r\n\
             BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:the alarm\r\nEND:VALARM\r\nEND:VEVENT\r\n",
        );
        let event = read(&data).unwrap();
        assert_eq!(event.title, "Crew, briefing");
        assert_eq!(event.modified.unwrap().to_rfc3339(), "2026-01-02T03:04:05+00:00");
        assert!(event.public);
        assert_eq!(
            event.text,
            "Crew, briefing\n\n\
             - When: Friday, 2 January 2026 (2026-01-02), 10:00–11:00 Europe/Berlin\n\
             - Repeats: every 2 weeks on Monday and Friday, 5 times\n\
             - Status: confirmed\n- Where: Pier 4 Harbour\n- Organizer: Alice <alice@example.test>\n\
             - Attendees: Bob <bob@example.test> (needs action)\n- Categories: ferry, crew\n\n\
             First line.\n\nSecond line.\n"
        );
    }

    #[test]
    fn a_duration_of_any_size_is_told() {
        for (duration, told) in [
            ("PT90M", ", for 1:30 hours"),
            ("P4294967295W", ", for "),
            ("P4294967295DT4294967295H4294967295M", ", for "),
        ] {
            let data = object(&format!(
                "BEGIN:VEVENT\r\nUID:e1\r\nDTSTART:20260102T100000Z\r\nDURATION:{duration}\r\nSUMMARY:Long\r\nEND:VEVENT\r\n"
            ));
            let text = read(&data).unwrap().text;
            assert!(text.contains(told), "{duration}: {text}");
        }
    }

    #[test]
    fn a_task_has_due_date_status_and_progress() {
        let data = object(
            "BEGIN:VTODO\r\nUID:t1\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Order life jackets\r\n\
             DUE;VALUE=DATE:20260301\r\nSTATUS:IN-PROCESS\r\nPERCENT-COMPLETE:40\r\nPRIORITY:1\r\nEND:VTODO\r\n",
        );
        let task = read(&data).unwrap();
        assert_eq!(
            task.text,
            "Order life jackets\n\n- Due: Sunday, 1 March 2026 (2026-03-01)\n- Status: in process\n\
             - Progress: 40 %\n- Priority: high\n"
        );
        assert_eq!(task.modified.unwrap().to_rfc3339(), "2026-01-01T00:00:00+00:00");
    }

    #[test]
    fn a_changed_occurrence_is_told_with_its_series() {
        let data = object(
            "BEGIN:VEVENT\r\nUID:e\r\nRECURRENCE-ID:20260103T100000Z\r\nDTSTART:20260103T120000Z\r\nSUMMARY:Moved\r\n\
             END:VEVENT\r\nBEGIN:VEVENT\r\nUID:e\r\nDTSTART:20260102T100000Z\r\nRRULE:FREQ=DAILY;UNTIL=20260201T000000Z\r\n\
             SUMMARY:Daily\r\nEND:VEVENT\r\n",
        );
        let event = read(&data).unwrap();
        assert_eq!(event.title, "Daily");
        assert!(
            event.text.contains("every day, until 1 February 2026"),
            "{}",
            event.text
        );
        assert!(event.text.contains(
            "- Changed occurrence: Saturday, 3 January 2026 (2026-01-03), 10:00 UTC\n- Title: Moved\n"
        ));
    }

    #[test]
    fn nonsense_is_no_event() {
        for data in ["", "garbage", "BEGIN:VCARD\r\nFN:x\r\nEND:VCARD\r\n", &object("")] {
            assert_eq!(read(data), None, "{data}");
        }
        let bare = read(&object("BEGIN:VEVENT\r\nUID:e\r\nEND:VEVENT\r\n")).unwrap();
        assert_eq!(bare.title, "Event");
    }
}

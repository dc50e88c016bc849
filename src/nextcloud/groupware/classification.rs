//! What the owner of a shared calendar lets its readers see.

use calcard::icalendar::{ICalendar, ICalendarProperty};
use calcard::{Entry, Parser};

/// The calendar in `data`; `None` when there is none.
pub fn calendar(data: &str) -> Option<ICalendar> {
    let mut parser = Parser::new(data);
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => return Some(calendar),
            Entry::Eof | Entry::TooManyComponents => return None,
            _ => {}
        }
    }
}

/// Whether everything in the calendar is shown to readers of a shared calendar as it is. From what is `PRIVATE` Nextcloud
/// keeps them, of what is `CONFIDENTIAL` it shows a busy time, under the `ETag` of the whole event but with its `CLASS`; a
/// class of its own counts as private there.
pub fn is_public(calendar: &ICalendar) -> bool {
    calendar
        .components
        .iter()
        .flat_map(|part| part.properties(&ICalendarProperty::Class))
        .flat_map(|entry| &entry.values)
        .all(|value| {
            value
                .as_text()
                .is_some_and(|class| class.eq_ignore_ascii_case("PUBLIC"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_public_or_says_nothing_is_shown() {
        for (class, public) in [
            ("", true),
            ("CLASS:PUBLIC\r\n", true),
            ("CLASS:PRIVATE\r\n", false),
            ("CLASS:confidential\r\n", false),
            ("CLASS:X-OWN\r\n", false),
        ] {
            let data =
                format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:e\r\n{class}END:VEVENT\r\nEND:VCALENDAR\r\n");
            assert_eq!(
                calendar(&data).map(|calendar| is_public(&calendar)),
                Some(public),
                "{class}"
            );
        }
        assert_eq!(calendar("garbage"), None);
    }
}

//! Points in time and repetitions in words, as people search for them.

use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendarDay, ICalendarEntry, ICalendarFrequency, ICalendarParameterName, ICalendarRecurrenceRule,
    ICalendarWeekday,
};
use chrono::{Datelike, NaiveDate};
use std::fmt::Write as _;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// A date or a date with a time of day, and the time zone that it is given in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Moment {
    date: NaiveDate,
    /// Hour and minute; `None`: all day.
    time: Option<(u8, u8)>,
    /// Name of the zone; `None`: wherever one is.
    zone: Option<String>,
}

impl Moment {
    /// The first value of a property.
    pub(super) fn of(entry: &ICalendarEntry) -> Option<Self> {
        let value = entry.values.first()?.as_partial_date_time()?;
        let zone = entry
            .parameter(&ICalendarParameterName::Tzid)
            .and_then(|zone| zone.as_text())
            .map(str::to_owned);
        Self::read(value, zone)
    }

    fn read(value: &PartialDateTime, zone: Option<String>) -> Option<Self> {
        let date = NaiveDate::from_ymd_opt(
            i32::from(value.year?),
            u32::from(value.month?),
            u32::from(value.day?),
        )?;
        let time = value.hour.map(|hour| (hour, value.minute.unwrap_or_default()));
        let utc = value.tz_hour.map(|_offset| "UTC".to_owned());
        Some(Self {
            date,
            zone: zone.or(utc).filter(|_| time.is_some()),
            time,
        })
    }

    /// The day, by name and in figures: both are searched for.
    fn day(&self) -> String {
        format!("{}, {} ({})", weekday(self.date), long(self.date), self.date)
    }

    fn clock(&self) -> Option<String> {
        self.time.map(|(hour, minute)| format!("{hour:02}:{minute:02}"))
    }

    /// `Friday, 2 January 2026 (2026-01-02), 10:00 UTC`.
    pub(super) fn words(&self) -> String {
        let mut words = self.day();
        if let Some(clock) = self.clock() {
            words.push_str(", ");
            words.push_str(&clock);
        }
        if let Some(zone) = &self.zone {
            words.push(' ');
            words.push_str(zone);
        }
        words
    }

    /// From here to `end`, which for whole days is the day after the last one.
    pub(super) fn until(&self, end: &Self) -> String {
        match (self.clock(), end.clock()) {
            (Some(from), Some(to)) if self.date == end.date => {
                let zone = self
                    .zone
                    .as_deref()
                    .map(|zone| format!(" {zone}"))
                    .unwrap_or_default();
                format!("{}, {from}–{to}{zone}", self.day())
            }
            (None, None) => match end.date.pred_opt().filter(|last| *last > self.date) {
                Some(last) => {
                    let last = Self {
                        date: last,
                        ..end.clone()
                    };
                    format!("{} – {}, all day", self.day(), last.day())
                }
                None => format!("{}, all day", self.day()),
            },
            _ => format!("{} – {}", self.words(), end.words()),
        }
    }
}

fn weekday(date: NaiveDate) -> &'static str {
    let index = usize::try_from(date.weekday().num_days_from_monday()).unwrap_or_default();
    WEEKDAYS.get(index).copied().unwrap_or_default()
}

fn long(date: NaiveDate) -> String {
    format!("{} {} {}", date.day(), month(date.month()), date.year())
}

fn month(number: u32) -> &'static str {
    usize::try_from(number)
        .ok()
        .and_then(|number| MONTHS.get(number.checked_sub(1)?))
        .copied()
        .unwrap_or_default()
}

/// A day with or without its year, as birthdays have it.
pub(super) fn partial_day(value: &PartialDateTime) -> Option<String> {
    let (name, day) = (month(u32::from(value.month?)), value.day?);
    if name.is_empty() {
        return None;
    }
    Some(match value.year {
        // 1604 is what some clients write for "unknown".
        Some(year) if year != 1604 => format!("{day} {name} {year}"),
        _ => format!("{day} {name}"),
    })
}

/// A repetition in words: `every 2 weeks on Monday and Friday, until 5 March 2026`.
pub(super) fn repetition(rule: &ICalendarRecurrenceRule) -> String {
    let unit = match rule.freq {
        ICalendarFrequency::Yearly => "year",
        ICalendarFrequency::Monthly => "month",
        ICalendarFrequency::Weekly => "week",
        ICalendarFrequency::Daily => "day",
        ICalendarFrequency::Hourly => "hour",
        ICalendarFrequency::Minutely => "minute",
        ICalendarFrequency::Secondly => "second",
    };
    let mut words = match rule.interval {
        Some(interval @ 2..) => format!("every {interval} {unit}s"),
        _ => format!("every {unit}"),
    };
    if !rule.byday.is_empty() {
        let days: Vec<String> = rule.byday.iter().copied().map(named_day).collect();
        let _ = write!(words, " on {}", enumeration(&days));
    }
    if !rule.bymonthday.is_empty() {
        let days: Vec<String> = rule
            .bymonthday
            .iter()
            .map(|day| match day {
                ..0 => format!("day {} from the end", day.unsigned_abs()),
                day => format!("day {day}"),
            })
            .collect();
        let _ = write!(words, " on {}", enumeration(&days));
    }
    if !rule.bymonth.is_empty() {
        let months: Vec<String> = rule
            .bymonth
            .iter()
            .map(|number| month(u32::from(number.month())).to_owned())
            .collect();
        let _ = write!(words, " in {}", enumeration(&months));
    }
    if let Some(count) = rule.count {
        let _ = write!(words, ", {count} times");
    }
    if let Some(last) = rule.until.as_ref().and_then(|until| Moment::read(until, None)) {
        let _ = write!(words, ", until {}", long(last.date));
    }
    words
}

fn named_day(day: ICalendarDay) -> String {
    let name = match day.weekday {
        ICalendarWeekday::Monday => "Monday",
        ICalendarWeekday::Tuesday => "Tuesday",
        ICalendarWeekday::Wednesday => "Wednesday",
        ICalendarWeekday::Thursday => "Thursday",
        ICalendarWeekday::Friday => "Friday",
        ICalendarWeekday::Saturday => "Saturday",
        ICalendarWeekday::Sunday => "Sunday",
    };
    match day.ordwk {
        None | Some(0) => name.to_owned(),
        Some(-1) => format!("the last {name}"),
        Some(number @ 1..) => format!("{name} number {number}"),
        Some(number) => format!("{name} number {} from the end", number.unsigned_abs()),
    }
}

/// `a, b and c`.
fn enumeration(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str, time: Option<(u8, u8)>, zone: Option<&str>) -> Moment {
        Moment {
            date: text.parse().unwrap(),
            time,
            zone: zone.map(str::to_owned),
        }
    }

    #[test]
    fn times_of_one_day_days_and_spans_are_told_apart() {
        let ten = moment("2026-01-02", Some((10, 0)), Some("UTC"));
        let eleven = moment("2026-01-02", Some((11, 5)), Some("UTC"));
        assert_eq!(
            ten.until(&eleven),
            "Friday, 2 January 2026 (2026-01-02), 10:00–11:05 UTC"
        );
        let (first, after) = (moment("2026-01-02", None, None), moment("2026-01-03", None, None));
        assert_eq!(
            first.until(&after),
            "Friday, 2 January 2026 (2026-01-02), all day"
        );
        assert_eq!(
            first.until(&moment("2026-01-05", None, None)),
            "Friday, 2 January 2026 (2026-01-02) – Sunday, 4 January 2026 (2026-01-04), all day"
        );
        assert!(
            ten.until(&moment("2026-01-03", Some((1, 0)), None))
                .contains("10:00 UTC – Saturday")
        );
    }
}

//! What people write into a search box: words, `"exact phrases"` and filters.
//!
//! | written | means |
//! |---|---|
//! | `ferry timetable` | documents about these words |
//! | `"ferry timetable"` | the passage, title or path holds exactly this, whatever the blanks and the case |
//! | `type:note` | only this type; several: any of them |
//! | `in:Work`, `in:"My plans"` | below a folder of this name, wherever it stands; `in:/Work`: below this folder |
//! | `after:2024-01-31`, `before:2024` | modified on that day (month, year) or later; earlier than it |
//!
//! Everything else is text, also what looks like a filter: `https://example.org`, `12:30`, `Re: ferry`. An opening
//! quotation mark without a closing one is text too.

mod moment;

use super::SearchError;
use chrono::{DateTime, Utc};

/// Most phrases that count; what more is quoted is searched as words.
const MAX_PHRASES: usize = 8;
/// Most values of one filter.
const MAX_VALUES: usize = 20;

/// A query taken apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Query {
    /// What is searched: the words, those of the phrases included, without the filters.
    pub text: String,
    /// What must stand in a result word for word.
    pub phrases: Vec<String>,
    /// `type:`
    pub doc_types: Vec<String>,
    /// `in:`, with a leading slash where one was written.
    pub folders: Vec<String>,
    /// `after:`, at or later.
    pub after: Option<DateTime<Utc>>,
    /// `before:`, strictly earlier.
    pub before: Option<DateTime<Utc>>,
}

/// Takes a query apart.
///
/// # Errors
/// [`SearchError::Invalid`] when a date cannot be read.
pub(super) fn parse(written: &str) -> Result<Query, SearchError> {
    let mut query = Query::default();
    let mut rest = written;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        rest = match quoted(rest) {
            Some((phrase, after)) => {
                query.phrase(phrase);
                after
            }
            None => word(rest, &mut query)?,
        };
    }
    Ok(query)
}

/// Takes one word, or one filter with its value, off the front; returns what follows.
fn word<'q>(text: &'q str, query: &mut Query) -> Result<&'q str, SearchError> {
    let blank = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(blank);
    let Some((key, value)) = word.split_once(':') else {
        query.word(word);
        return Ok(rest);
    };
    let Some(filter) = Filter::named(key) else {
        query.word(word);
        return Ok(rest);
    };
    let (value, rest) = match quoted(&text[key.len() + 1..]) {
        Some(found) => found,
        None => (value, rest),
    };
    if value.trim().is_empty() {
        query.word(word);
        return Ok(rest);
    }
    filter.put(value.trim(), query)?;
    Ok(rest)
}

/// What stands between the quotation marks at the front, and what follows them. Typed on a telephone, they are
/// curly.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mut chars = text.chars();
    let closing: &[char] = match chars.next()? {
        '"' => &['"'],
        '“' => &['”', '“'],
        '„' => &['“', '”'],
        '«' => &['»'],
        '»' => &['«'],
        _ => return None,
    };
    let inside = chars.as_str();
    let end = inside.find(closing)?;
    let after = inside[end..].chars().next().map_or(0, char::len_utf8);
    Some((&inside[..end], &inside[end + after..]))
}

#[derive(Debug, Clone, Copy)]
enum Filter {
    Type,
    In,
    After,
    Before,
}

impl Filter {
    fn named(key: &str) -> Option<Self> {
        match key.to_ascii_lowercase().as_str() {
            "type" => Some(Self::Type),
            "in" => Some(Self::In),
            "after" => Some(Self::After),
            "before" => Some(Self::Before),
            _ => None,
        }
    }

    fn put(self, value: &str, query: &mut Query) -> Result<(), SearchError> {
        match self {
            Self::Type => push(&mut query.doc_types, doc_type(value)),
            Self::In => push(&mut query.folders, value.trim_end_matches('/').to_owned()),
            Self::After => {
                let from = moment::read("after", value)?;
                query.after = Some(query.after.map_or(from, |other| other.max(from)));
            }
            Self::Before => {
                let until = moment::read("before", value)?;
                query.before = Some(query.before.map_or(until, |other| other.min(until)));
            }
        }
        Ok(())
    }
}

fn push(values: &mut Vec<String>, value: String) {
    // `in:/` is everywhere.
    if !value.is_empty() && values.len() < MAX_VALUES && !values.contains(&value) {
        values.push(value);
    }
}

/// As people call the types.
fn doc_type(value: &str) -> String {
    let value = value.to_lowercase();
    match value.as_str() {
        "notes" => "note",
        "files" => "file",
        "event" | "events" | "task" | "tasks" | "todo" => "calendar",
        "contacts" | "person" | "people" => "contact",
        "card" | "cards" | "deck" => "deck_card",
        "row" | "rows" | "table" | "tables" => "table_row",
        other => other,
    }
    .to_owned()
}

impl Query {
    fn word(&mut self, word: &str) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(word);
    }

    fn phrase(&mut self, phrase: &str) {
        let phrase = phrase.trim();
        if phrase.is_empty() {
            return;
        }
        self.word(phrase);
        if self.phrases.len() < MAX_PHRASES {
            self.phrases.push(phrase.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(written: &str) -> Query {
        parse(written).unwrap()
    }

    fn day(text: &str) -> DateTime<Utc> {
        format!("{text}T00:00:00Z").parse().unwrap()
    }

    #[test]
    fn words_stay_words() {
        for text in [
            "ferry timetable",
            "https://example.org/a?b=c",
            "at 12:30",
            "Re: ferry",
            "note:12",
            "type:",
            "5\" pipe",
            "C:\\Users",
        ] {
            let query = parsed(text);
            assert_eq!(
                query,
                Query {
                    text: text.into(),
                    ..Query::default()
                }
            );
        }
    }

    #[test]
    fn phrases_are_searched_and_asked_for() {
        let query = parsed("notes \"ferry  timetable\" spring");
        assert_eq!(query.text, "notes ferry  timetable spring");
        assert_eq!(query.phrases, ["ferry  timetable"]);
        for curly in ["“to sea”", "„to sea“", "«to sea»", "»to sea«", "\"to sea\""] {
            assert_eq!(parsed(curly).phrases, ["to sea"], "{curly}");
        }
        assert_eq!(parsed("\"\" x").phrases, [""; 0]);
    }

    #[test]
    fn filters_are_taken_out_of_the_text() {
        let query = parsed(
            "ferry type:note TYPE:events in:\"My plans/2024\" in:/Work/ after:2024-01-31 before:2025 x",
        );
        assert_eq!(query.text, "ferry x");
        assert_eq!(query.doc_types, ["note", "calendar"]);
        assert_eq!(query.folders, ["My plans/2024", "/Work"]);
        assert_eq!(
            (query.after, query.before),
            (Some(day("2024-01-31")), Some(day("2025-01-01")))
        );
    }

    #[test]
    fn of_several_dates_the_narrowest_counts() {
        let query = parsed("after:2023 after:2024-05 before:2026 before:2025-12-24");
        assert_eq!(
            (query.after, query.before),
            (Some(day("2024-05-01")), Some(day("2025-12-24")))
        );
    }

    #[test]
    fn a_date_that_is_none_is_named() {
        let message = parse("x after:yesterday").unwrap_err().to_string();
        assert!(
            message.contains("after") && message.contains("yesterday"),
            "{message}"
        );
    }

    proptest! {
        #[test]
        fn nothing_written_panics_or_grows(written in "[a-z:\"“„« /0-9-]{0,40}") {
            if let Ok(query) = parse(&written) {
                prop_assert!(query.text.len() <= written.len());
            }
        }
    }
}

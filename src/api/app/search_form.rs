//! What the form of the search page asks for.

use super::search::kind_name;
use crate::search::{Algorithm, MAX_OFFSET, SearchRequest};
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use serde::Deserialize;

/// The query string of the page; every field may be missing.
#[derive(Debug, Default, Clone, Deserialize)]
#[serde(default)]
pub(in crate::api) struct Asked {
    /// Words.
    pub(super) q: String,
    /// A document type; empty: all.
    pub(super) r#type: String,
    /// A folder; empty: everywhere.
    pub(super) folder: String,
    /// First day of the last change, as `2026-11-23`.
    pub(super) after: String,
    /// Last day of it.
    pub(super) before: String,
    /// `hybrid`, `bm25` or `semantic`; empty: hybrid.
    pub(super) by: String,
    /// Results left out before the first.
    from: String,
}

/// A choice of a list.
pub(super) struct Choice {
    pub(super) value: &'static str,
    pub(super) label: &'static str,
    pub(super) is_chosen: bool,
}

/// The form as it was sent.
pub(super) struct SearchForm {
    pub(super) words: String,
    pub(super) types: Vec<Choice>,
    pub(super) folder: String,
    pub(super) after: String,
    pub(super) before: String,
    pub(super) ways: Vec<Choice>,
    /// Some filter is set, so that the filters are shown.
    pub(super) is_filtered: bool,
}

impl SearchForm {
    pub(super) fn of(asked: &Asked, types: &[&'static str]) -> Self {
        let choice = |value: &'static str, label: &'static str, chosen: &str| Choice {
            value,
            label,
            is_chosen: value == chosen,
        };
        let ways = [
            ("hybrid", "Meaning and words"),
            ("bm25", "Words only"),
            ("semantic", "Meaning only"),
        ];
        let by = if asked.by.is_empty() { "hybrid" } else { &asked.by };
        let filters = [&asked.r#type, &asked.folder, &asked.after, &asked.before];
        Self {
            words: asked.q.clone(),
            types: types
                .iter()
                .map(|name| choice(name, kind_name(name), &asked.r#type))
                .collect(),
            folder: asked.folder.clone(),
            after: asked.after.clone(),
            before: asked.before.clone(),
            ways: ways
                .into_iter()
                .map(|(value, label)| choice(value, label, by))
                .collect(),
            is_filtered: by != "hybrid" || filters.iter().any(|filter| !filter.is_empty()),
        }
    }
}

impl Asked {
    /// The number of results before the first.
    pub(super) fn offset(&self) -> usize {
        self.from.parse().unwrap_or(0_usize).min(MAX_OFFSET)
    }

    /// The search itself.
    ///
    /// # Errors
    /// A sentence for the person who filled in the form.
    pub(super) fn request(&self, limit: usize) -> Result<SearchRequest, &'static str> {
        let algorithm = match self.by.as_str() {
            "" | "hybrid" => Algorithm::Hybrid,
            "bm25" => Algorithm::Bm25,
            "semantic" => Algorithm::Semantic,
            _ => return Err("There is no such way to search."),
        };
        let folder = self.folder.trim();
        let last_day = day(&self.before)?;
        Ok(SearchRequest {
            query: self.q.clone(),
            algorithm,
            limit,
            offset: self.offset(),
            doc_types: (!self.r#type.is_empty()).then(|| vec![self.r#type.clone()]),
            path_prefixes: if folder.is_empty() {
                Vec::new()
            } else {
                vec![format!("/{}", folder.trim_start_matches('/'))]
            },
            modified_after: day(&self.after)?,
            // The whole day counts.
            modified_before: last_day.map(|day| day + TimeDelta::days(1) - TimeDelta::microseconds(1)),
            ..SearchRequest::default()
        })
    }
}

fn day(text: &str) -> Result<Option<DateTime<Utc>>, &'static str> {
    if text.is_empty() {
        return Ok(None);
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map(|day| Some(day.and_time(NaiveTime::MIN).and_utc()))
        .map_err(|_| "A date is written as 2026-11-23.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_form_asks_for_everything() {
        let request = Asked::default().request(20).unwrap();
        let expected = SearchRequest {
            limit: 20,
            ..SearchRequest::default()
        };
        assert_eq!(request, expected);
    }

    #[test]
    fn filters_are_taken_over_and_the_last_day_counts_as_a_whole() {
        let asked = Asked {
            r#type: "note".into(),
            folder: " Work/Plans ".into(),
            after: "2026-01-31".into(),
            before: "2026-02-01".into(),
            by: "bm25".into(),
            from: "20".into(),
            ..Asked::default()
        };
        let request = asked.request(20).unwrap();
        assert_eq!(request.doc_types, Some(vec!["note".into()]));
        assert_eq!(request.path_prefixes, ["/Work/Plans"]);
        assert_eq!((request.algorithm, request.offset), (Algorithm::Bm25, 20));
        let (after, before) = (request.modified_after.unwrap(), request.modified_before.unwrap());
        assert_eq!(after.to_rfc3339(), "2026-01-31T00:00:00+00:00");
        assert_eq!(before.to_rfc3339(), "2026-02-01T23:59:59.999999+00:00");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (after, by) in [("31.1.2026", ""), ("2026-02-30", ""), ("", "magic")] {
            let asked = Asked {
                after: after.into(),
                by: by.into(),
                ..Asked::default()
            };
            assert!(asked.request(20).is_err(), "{after} {by}");
        }
    }
}

//! Which of the reader's documents a search is about: what the request asks for and what is written into the query.

use super::SearchError;
use super::query_syntax::Query;
use super::request::check_doc_type;
use chrono::{DateTime, TimeDelta, Utc};

/// Limits a search to some of the reader's documents. Everything empty = no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filters {
    /// Known document types; empty = all.
    pub doc_types: Vec<String>,
    /// Folders with a leading and without a trailing slash; empty = everywhere.
    pub folders: Vec<String>,
    /// `in:` of the query: folders with a leading slash, or names of folders anywhere; ASCII case does not count.
    pub inside: Vec<String>,
    /// At or after.
    pub modified_after: Option<DateTime<Utc>>,
    /// Before or at.
    pub modified_before: Option<DateTime<Utc>>,
}

impl Filters {
    /// Whether anything is asked at all.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the filters written into the query; `None` when nothing can pass both.
    ///
    /// # Errors
    /// [`SearchError::Invalid`] for a type that is not among `known_types`.
    pub fn narrowed(mut self, query: &Query, known_types: &[&str]) -> Result<Option<Self>, SearchError> {
        for doc_type in &query.doc_types {
            check_doc_type(doc_type, known_types)?;
        }
        if self.doc_types.is_empty() {
            self.doc_types.clone_from(&query.doc_types);
        } else if !query.doc_types.is_empty() {
            self.doc_types.retain(|asked| query.doc_types.contains(asked));
            if self.doc_types.is_empty() {
                return Ok(None);
            }
        }
        self.inside.clone_from(&query.folders);
        self.modified_after = self.modified_after.max(query.after);
        // The database counts microseconds.
        let until = query.before.map(|moment| moment - TimeDelta::microseconds(1));
        self.modified_before = match (self.modified_before, until) {
            (Some(asked), Some(written)) => Some(asked.min(written)),
            (asked, written) => asked.or(written),
        };
        let empty = matches!((self.modified_after, self.modified_before), (Some(a), Some(b)) if a > b);
        Ok((!empty).then_some(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 2] = ["file", "note"];

    #[test]
    fn filters_of_the_query_narrow_those_of_the_request() {
        let written = |text: &str| crate::search::query_syntax::parse(text).unwrap();
        let notes = || Filters {
            doc_types: vec!["note".into()],
            modified_before: Some("2024-06-01T00:00:00Z".parse().unwrap()),
            ..Filters::default()
        };
        let narrowed = |text: &str| notes().narrowed(&written(text), &KNOWN);
        let both = narrowed("x type:note in:Work before:2024-05-01")
            .unwrap()
            .unwrap();
        assert_eq!(
            (both.doc_types, both.inside),
            (vec!["note".to_owned()], vec!["Work".to_owned()])
        );
        assert_eq!(
            both.modified_before,
            Some("2024-04-30T23:59:59.999999Z".parse().unwrap())
        );
        assert_eq!(narrowed("x type:file").unwrap(), None, "no document is both");
        assert_eq!(narrowed("x after:2025").unwrap(), None);
        assert!(
            narrowed("x type:mail")
                .unwrap_err()
                .to_string()
                .contains("file, note")
        );
    }
}

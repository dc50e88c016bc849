//! A search as asked, and its bounds.

use super::SearchError;
use super::filters::Filters;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Longest query, in code points.
pub const MAX_QUERY_CHARS: usize = 10_000;
/// Most results in one answer.
pub const MAX_LIMIT: usize = 100;
/// Most results left out before the first.
pub const MAX_OFFSET: usize = 1_000_000;
/// Most folders that a search may be limited to.
pub const MAX_PATH_PREFIXES: usize = 20;
/// Most code points of context on each side of a passage.
pub const MAX_CONTEXT_CHARS: usize = 10_000;

/// Which ranked lists count.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Dense and sparse, fused.
    #[default]
    Hybrid,
    /// Dense only.
    Semantic,
    /// Sparse only.
    Bm25,
}

impl Algorithm {
    /// As requests write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hybrid => "hybrid",
            Self::Semantic => "semantic",
            Self::Bm25 => "bm25",
        }
    }
}

/// How two lists become one (DESIGN §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fusion {
    /// Reciprocal rank fusion, k = 60.
    #[default]
    Rrf,
    /// Distribution-based score fusion, clipped at 3σ.
    Dbsf,
}

/// What one result is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// A passage.
    #[default]
    Chunk,
    /// A document, shown by its best passage.
    Document,
}

/// A search as asked. [`super::SearchService::search`] validates it.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// As people write it (`super::query_syntax`); blank, or filters only → no results; more than 10,000 code points or a NUL character → [`SearchError::Invalid`].
    pub query: String,
    /// Which lists count.
    pub algorithm: Algorithm,
    /// How lists are fused.
    pub fusion: Fusion,
    /// Passage or document.
    pub granularity: Granularity,
    /// 1…100.
    pub limit: usize,
    /// 0…1,000,000 results left out.
    pub offset: usize,
    /// 0…1: results below are left out.
    pub score_threshold: f32,
    /// `note`, `file` …; `None` or an empty list = all.
    pub doc_types: Option<Vec<String>>,
    /// Only documents whose path for this reader is, or stands below, one of these folders; at most 20.
    pub path_prefixes: Vec<String>,
    /// Only documents modified at or after.
    pub modified_after: Option<DateTime<Utc>>,
    /// Only documents modified before or at.
    pub modified_before: Option<DateTime<Utc>>,
    /// Code points of text before and after the passage to return; 0 = none, at most 10,000.
    pub context_chars: usize,
    /// Order the best results by the reranker; refused where none is configured.
    pub rerank: bool,
}

impl Default for SearchRequest {
    fn default() -> Self {
        Self {
            query: String::new(),
            algorithm: Algorithm::default(),
            fusion: Fusion::default(),
            granularity: Granularity::default(),
            limit: 10,
            offset: 0,
            score_threshold: 0.0,
            doc_types: None,
            path_prefixes: Vec::new(),
            modified_after: None,
            modified_before: None,
            context_chars: 0,
            rerank: false,
        }
    }
}

impl SearchRequest {
    /// Checks every bound and returns the filters in their normal form. `known_types` are the document types
    /// that this server has.
    pub(super) fn validate(&self, known_types: &[&str]) -> Result<Filters, SearchError> {
        check(!self.query.contains('\0'), || {
            "query must not contain NUL characters".into()
        })?;
        let length = self.query.chars().count();
        check(length <= MAX_QUERY_CHARS, || {
            format!("query must have at most {MAX_QUERY_CHARS} characters, not {length}")
        })?;
        check((1..=MAX_LIMIT).contains(&self.limit), || {
            format!("limit must be between 1 and {MAX_LIMIT}, not {}", self.limit)
        })?;
        check(self.offset <= MAX_OFFSET, || {
            format!("offset must be at most {MAX_OFFSET}, not {}", self.offset)
        })?;
        check((0.0..=1.0).contains(&self.score_threshold), || {
            format!(
                "score_threshold must be a number between 0 and 1, not {}",
                self.score_threshold
            )
        })?;
        check(self.context_chars <= MAX_CONTEXT_CHARS, || {
            format!(
                "context_chars must be at most {MAX_CONTEXT_CHARS}, not {}",
                self.context_chars
            )
        })?;
        if let (Some(after), Some(before)) = (self.modified_after, self.modified_before) {
            check(after <= before, || {
                format!("modified_after ({after}) must not be later than modified_before ({before})")
            })?;
        }
        Ok(Filters {
            doc_types: self.checked_types(known_types)?,
            folders: self.checked_folders()?,
            inside: Vec::new(),
            modified_after: self.modified_after,
            modified_before: self.modified_before,
        })
    }

    fn checked_types(&self, known: &[&str]) -> Result<Vec<String>, SearchError> {
        let asked = self.doc_types.as_deref().unwrap_or_default();
        for doc_type in asked {
            check_doc_type(doc_type, known)?;
        }
        Ok(asked.to_vec())
    }

    /// The root folder limits nothing, so a list that holds it limits nothing either.
    fn checked_folders(&self) -> Result<Vec<String>, SearchError> {
        let asked = &self.path_prefixes;
        check(asked.len() <= MAX_PATH_PREFIXES, || {
            format!(
                "path_prefixes must have at most {MAX_PATH_PREFIXES} entries, not {}",
                asked.len()
            )
        })?;
        check(!asked.iter().any(|prefix| prefix.contains('\0')), || {
            "path_prefixes must not contain NUL characters".into()
        })?;
        let folders: Vec<String> = asked
            .iter()
            .map(|prefix| prefix.trim_matches('/').to_owned())
            .collect();
        if folders.iter().any(String::is_empty) {
            return Ok(Vec::new());
        }
        Ok(folders.into_iter().map(|folder| format!("/{folder}")).collect())
    }
}

/// Refuses a document type that no family has, naming those that exist.
pub(super) fn check_doc_type(doc_type: &str, known: &[&str]) -> Result<(), SearchError> {
    check(known.contains(&doc_type), || {
        let shown: String = doc_type.chars().filter(|c| !c.is_control()).take(40).collect();
        format!("doc_type \"{shown}\" is unknown; known are: {}", known.join(", "))
    })
}

/// [`SearchError::Invalid`] with the message unless `holds`.
pub(super) fn check(holds: bool, message: impl FnOnce() -> String) -> Result<(), SearchError> {
    if holds {
        Ok(())
    } else {
        Err(SearchError::Invalid(message()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KNOWN: [&str; 2] = ["file", "note"];

    fn refused(request: &SearchRequest) -> String {
        request.validate(&KNOWN).unwrap_err().to_string()
    }

    #[test]
    fn each_bound_is_named_when_it_is_broken() {
        let base = SearchRequest::default;
        let minute = chrono::Duration::minutes(1);
        let time = DateTime::UNIX_EPOCH;
        let cases = [
            (SearchRequest { limit: 0, ..base() }, "limit"),
            (
                SearchRequest {
                    limit: 1_000_000_000,
                    ..base()
                },
                "limit",
            ),
            (
                SearchRequest {
                    offset: usize::MAX,
                    ..base()
                },
                "offset",
            ),
            (
                SearchRequest {
                    score_threshold: f32::NAN,
                    ..base()
                },
                "score_threshold",
            ),
            (
                SearchRequest {
                    score_threshold: -0.1,
                    ..base()
                },
                "score_threshold",
            ),
            (
                SearchRequest {
                    score_threshold: f32::INFINITY,
                    ..base()
                },
                "score_threshold",
            ),
            (
                SearchRequest {
                    query: "a".repeat(1 << 20),
                    ..base()
                },
                "query",
            ),
            (
                SearchRequest {
                    query: "a\0b".into(),
                    ..base()
                },
                "NUL",
            ),
            (
                SearchRequest {
                    context_chars: usize::MAX,
                    ..base()
                },
                "context_chars",
            ),
            (
                SearchRequest {
                    path_prefixes: vec!["/a".into(); 21],
                    ..base()
                },
                "path_prefixes",
            ),
            (
                SearchRequest {
                    path_prefixes: vec!["/a\0".into()],
                    ..base()
                },
                "path_prefixes",
            ),
            (
                SearchRequest {
                    modified_after: Some(time + minute),
                    modified_before: Some(time),
                    ..base()
                },
                "modified_after",
            ),
        ];
        for (request, field) in cases {
            let message = refused(&request);
            assert!(message.contains(field), "{message} should name {field}");
        }
    }

    #[test]
    fn an_unknown_type_is_answered_with_the_known_ones() {
        let message = refused(&SearchRequest {
            doc_types: Some(vec!["mail".into()]),
            ..SearchRequest::default()
        });
        assert_eq!(message, "doc_type \"mail\" is unknown; known are: file, note");
    }

    #[test]
    fn a_query_is_measured_in_code_points() {
        let longest = SearchRequest {
            query: "🦀".repeat(MAX_QUERY_CHARS),
            ..SearchRequest::default()
        };
        assert!(longest.validate(&KNOWN).is_ok());
    }

    #[test]
    fn folders_get_one_form_and_the_root_limits_nothing() {
        let with = |prefixes: &[&str]| SearchRequest {
            path_prefixes: prefixes.iter().map(ToString::to_string).collect(),
            ..SearchRequest::default()
        };
        let filters = with(&["Work/", "/Private"]).validate(&KNOWN).unwrap();
        assert_eq!(filters.folders, ["/Work", "/Private"]);
        assert!(with(&["/Work", "/"]).validate(&KNOWN).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn no_request_makes_validation_panic(
            query in ".{0,40}",
            limit: usize,
            offset: usize,
            score_threshold: f32,
            doc_type in ".{0,10}",
            prefix in ".{0,10}",
        ) {
            let request = SearchRequest {
                query, limit, offset, score_threshold,
                doc_types: Some(vec![doc_type]),
                path_prefixes: vec![prefix],
                ..SearchRequest::default()
            };
            if request.validate(&KNOWN).is_ok() {
                prop_assert!((1..=100).contains(&limit) && offset <= MAX_OFFSET);
                prop_assert!(score_threshold.is_finite());
            }
        }
    }
}

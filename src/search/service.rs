//! The search that every door (MCP tools, HTTP) goes through.

use crate::auth::Principal;
use crate::nextcloud::UserSession;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Which ranked lists count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// A passage.
    #[default]
    Chunk,
    /// A document, shown by its best passage.
    Document,
}

/// A search as asked. [`SearchService::search`] validates it.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchRequest {
    /// Words; empty → no results; more than 10,000 code points → [`SearchError::Invalid`].
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
    /// `note`, `file` …; `None` = all.
    pub doc_types: Option<Vec<String>>,
    /// Only documents whose path for this reader starts with one of these folders; at most 20.
    pub path_prefixes: Vec<String>,
    /// Only documents modified at or after.
    pub modified_after: Option<DateTime<Utc>>,
    /// Only documents modified before or at.
    pub modified_before: Option<DateTime<Utc>>,
    /// Code points of text before and after the passage to return; 0 = none.
    pub context_chars: usize,
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
        }
    }
}

/// One verified result, as its reader sees the document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchHit {
    /// Native id as text; numeric for notes and files.
    pub id: String,
    /// `note`, `file` …
    pub doc_type: String,
    /// The reader's title.
    pub title: String,
    /// The reader's path.
    pub path: String,
    /// Folder of a note below the notes path; empty otherwise.
    pub category: String,
    /// The passage.
    pub excerpt: String,
    /// 0…1 (DESIGN §4).
    pub score: f32,
    /// MIME type.
    pub mime_type: Option<String>,
    /// Last modification.
    pub modified_at: Option<DateTime<Utc>>,
    /// Position of the passage in its document, from 0.
    pub chunk_index: usize,
    /// Passages of the document.
    pub total_chunks: usize,
    /// First code point of the passage in the stored text.
    pub chunk_start_offset: usize,
    /// One past its last code point.
    pub chunk_end_offset: usize,
    /// Text before the passage, when asked for.
    pub before_context: Option<String>,
    /// Text after the passage, when asked for.
    pub after_context: Option<String>,
    /// More text stands before `before_context`.
    pub has_more_before: bool,
    /// More text stands after `after_context`.
    pub has_more_after: bool,
    /// Link into Nextcloud's web interface.
    pub url: String,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchResponse {
    /// Verified results, best first.
    pub hits: Vec<SearchHit>,
    /// offset + returned + 1 while more candidates remain, else the exact number.
    pub total_found: usize,
    /// The algorithm that ran (`semantic` falls back to `bm25` without an embedder only with `degraded`).
    pub algorithm_used: Algorithm,
    /// Chunks that Nextcloud confirmed for this reader.
    pub verified_chunks: usize,
    /// Documents left out because Nextcloud did not confirm them.
    pub dropped_documents: usize,
    /// Why the answer may be incomplete; `None` when it is complete.
    pub degraded: Option<String>,
}

/// Why a search gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The request is out of bounds; the text names the field and the bound.
    #[error("{0}")]
    Invalid(String),
    /// The index cannot answer now.
    #[error("the search index is not available: {0}")]
    Unavailable(String),
    /// Something inside failed.
    #[error("search failed")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Search over the index, verified at Nextcloud in the same request.
#[derive(Clone)]
pub struct SearchService {}

impl SearchService {
    /// Answers `request` for `principal`; `session` (of the same user) verifies each result.
    pub async fn search(
        &self,
        principal: &Principal,
        session: &UserSession,
        request: SearchRequest,
    ) -> Result<SearchResponse, SearchError> {
        let _ = (principal, session, request);
        todo!()
    }

    /// The stored text of a document that the caller may open now (`fetch`): title, text, URL.
    pub async fn document(
        &self,
        principal: &Principal,
        session: &UserSession,
        doc_type: &str,
        id: &str,
    ) -> Result<Option<SearchDocument>, SearchError> {
        let _ = (principal, session, doc_type, id);
        todo!()
    }
}

/// A whole document as its reader sees it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchDocument {
    /// The reader's title.
    pub title: String,
    /// The stored text.
    pub text: String,
    /// The reader's path.
    pub path: String,
    /// MIME type.
    pub mime_type: Option<String>,
    /// Link into Nextcloud's web interface.
    pub url: String,
}

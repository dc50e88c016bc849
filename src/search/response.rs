//! What a search answers.

use super::{Algorithm, Highlight, Snippet};
use chrono::{DateTime, Utc};
use serde::Serialize;

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
    /// The query's words and phrases in `excerpt`, in order.
    pub highlights: Vec<Highlight>,
    /// The part of the passage around its best match.
    pub snippet: Snippet,
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
    /// Page of the passage, from 1, in documents that have pages or slides.
    pub page_number: Option<usize>,
    /// Pages of the document.
    pub page_count: Option<usize>,
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
    /// The board of a card.
    pub board_id: Option<i64>,
}

/// The answer to a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchResponse {
    /// Verified results, best first.
    pub hits: Vec<SearchHit>,
    /// offset + returned + 1 while more verified results remain, else the exact number of them.
    pub total_found: usize,
    /// The algorithm that ran (`hybrid` falls back to `bm25` only with `degraded`).
    pub algorithm_used: Algorithm,
    /// A reranker ordered the best results.
    pub reranked: bool,
    /// The name of the model that did, where it is known.
    pub rerank_model: Option<String>,
    /// Candidate chunks of documents that Nextcloud confirmed for this reader.
    pub verified_chunks: usize,
    /// Documents left out because Nextcloud did not confirm them.
    pub dropped_documents: usize,
    /// Why the answer may be incomplete; `None` when it is complete.
    pub degraded: Option<String>,
    /// Nextcloud refused the reader's credential: it must not be sent again before a new check. For the door that
    /// took the request, not for clients.
    #[serde(skip)]
    pub credential_refused: bool,
}

impl SearchResponse {
    /// No results, and none left out.
    pub(super) fn empty(algorithm_used: Algorithm, degraded: Option<String>) -> Self {
        Self {
            hits: Vec::new(),
            total_found: 0,
            algorithm_used,
            reranked: false,
            rerank_model: None,
            verified_chunks: 0,
            dropped_documents: 0,
            degraded,
            credential_refused: false,
        }
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

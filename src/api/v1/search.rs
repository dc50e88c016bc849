//! `POST /api/v1/search`: verified results for Nextcloud's unified search.

use super::params::Params;
use super::picture::Points;
use super::search_body::{Defaults, SearchBody};
use super::search_fields::{SearchFields, example_result};
use crate::api::ApiError;
use crate::api::extract::AuthenticatedUser;
use crate::api::openapi::{ToBearer, ToDocuments, ToSearches};
use crate::api::search_routes::DocumentRoutes;
use crate::search::{Algorithm, Granularity, Highlight, SearchHit, SearchMap, Snippet};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

const DEFAULTS: Defaults = Defaults {
    limit: 20,
    include_pca: false,
};

/// The answer.
#[derive(Serialize, ToSchema)]
pub(crate) struct SearchAnswer {
    /// The best first.
    results: Vec<SearchRow>,
    /// How many were found before the page was cut out.
    total_found: usize,
    /// What was really searched with.
    algorithm_used: Algorithm,
    /// Whether each result is a passage or a document.
    granularity: Granularity,
    /// 0: relevance is not fitted.
    relevance_fit_base_rate: f32,
    /// Whether a cross-encoder ordered the results.
    reranked: bool,
    /// Why results may be missing; null when they are complete.
    #[schema(required)]
    degraded: Option<String>,
    /// Where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pca_data: Option<Points>,
}

/// One result. What a type of document does not have is null.
#[derive(Serialize, ToSchema)]
#[schema(as = SearchResult)]
pub(super) struct SearchRow {
    /// Nextcloud's id of the document.
    id: String,
    /// `note`, `file` …
    doc_type: String,
    /// As the caller sees it.
    title: String,
    /// 0 to 1, the best result's near 1.
    score: f32,
    /// The same.
    relevance: f32,
    /// Where `relevance` comes from.
    relevance_source: &'static str,
    /// The passage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) excerpt: Option<String>,
    /// The query's words in `excerpt`, in code points.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) highlights: Vec<Highlight>,
    /// The part of the passage around its best match.
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Snippet>,
    /// As the caller sees it.
    pub(super) path: String,
    /// Opens the document in Nextcloud.
    pub(super) url: String,
    /// Type of its content.
    #[schema(required)]
    pub(super) mime_type: Option<String>,
    /// When it was last changed.
    #[schema(required)]
    modified_at: Option<DateTime<Utc>>,
    /// Of a Deck card.
    #[schema(required)]
    pub(super) board_id: Option<i64>,
    /// Of a Deck card.
    #[schema(required)]
    card_id: Option<i64>,
    /// Of an event.
    #[schema(required)]
    calendar_id: Option<String>,
    /// Of an event.
    #[schema(required)]
    event_uid: Option<String>,
    /// Page of the passage, from 1.
    #[schema(required)]
    page_number: Option<usize>,
    /// Pages of the document.
    #[schema(required)]
    page_count: Option<usize>,
    /// Place of the passage, from 0.
    chunk_index: usize,
    /// Passages of the document.
    total_chunks: usize,
    /// Where the passage begins in the document's text, in code points.
    chunk_start_offset: usize,
    /// Where it ends.
    chunk_end_offset: usize,
}

impl From<SearchHit> for SearchRow {
    fn from(hit: SearchHit) -> Self {
        let card_id = hit.board_id.and_then(|_| hit.id.parse().ok());
        Self {
            id: hit.id,
            doc_type: hit.doc_type,
            title: hit.title,
            score: hit.score,
            relevance: hit.score,
            relevance_source: "fusion_ordinal",
            excerpt: Some(hit.excerpt),
            highlights: hit.highlights,
            snippet: Some(hit.snippet),
            path: hit.path,
            url: hit.url,
            mime_type: hit.mime_type,
            modified_at: hit.modified_at,
            board_id: hit.board_id,
            card_id,
            calendar_id: None,
            event_uid: None,
            page_number: hit.page_number,
            page_count: hit.page_count,
            chunk_index: hit.chunk_index,
            total_chunks: hit.total_chunks,
            chunk_start_offset: hit.chunk_start_offset,
            chunk_end_offset: hit.chunk_end_offset,
        }
    }
}

impl SearchRow {
    fn without_text(self) -> Self {
        Self {
            excerpt: None,
            highlights: Vec::new(),
            snippet: None,
            ..self
        }
    }
}

/// Searches documents that the caller may open now.
///
/// Every result was confirmed by Nextcloud a moment ago.
#[utoipa::path(
    post,
    path = "/api/v1/search",
    tag = "search",
    security(("bearer" = [])),
    request_body(content = SearchFields, example = json!({
        "query": "when does the ferry leave", "algorithm": "hybrid", "fusion": "rrf", "score_threshold": 0.0,
        "limit": 20, "offset": 0, "include_pca": false, "include_chunks": true
    })),
    responses(
        (status = 200, description = "What was found", body = SearchAnswer, example = json!({
            "results": [example_result()], "total_found": 1, "algorithm_used": "hybrid", "granularity": "chunk",
            "relevance_fit_base_rate": 0.0, "reranked": false, "degraded": null
        })),
        ToBearer, ToDocuments, ToSearches,
    ),
)]
pub(crate) async fn search(
    State(state): State<DocumentRoutes>,
    user: AuthenticatedUser,
    body: Bytes,
) -> Result<Json<SearchAnswer>, ApiError> {
    let body = SearchBody::read(&Params::of_body(&body)?, state.documents(), DEFAULTS)?;
    let (granularity, include_chunks) = (body.request.granularity, body.include_chunks);
    let (map, pca_data) = find(&state, &user, body).await?;
    let rows = map.response.hits.into_iter().map(SearchRow::from);
    Ok(Json(SearchAnswer {
        results: rows
            .map(|row| if include_chunks { row } else { row.without_text() })
            .collect(),
        total_found: map.response.total_found,
        algorithm_used: map.response.algorithm_used,
        granularity,
        relevance_fit_base_rate: 0.0,
        reranked: map.response.reranked,
        degraded: map.response.degraded,
        pca_data,
    }))
}

/// Runs a search, and draws the results where that was asked for.
pub(super) async fn find(
    state: &DocumentRoutes,
    user: &AuthenticatedUser,
    mut body: SearchBody,
) -> Result<(SearchMap, Option<Points>), ApiError> {
    if body.of_other_types {
        // Checked like any other search; nothing is found in documents that are not there.
        body.request.query.clear();
    }
    if body.include_pca {
        let mut map = state.search_map(user.principal(), body.request).await?;
        let points = Points::of(&mut map);
        return Ok((map, Some(points)));
    }
    let response = state.search(user.principal(), body.request).await?;
    let map = SearchMap {
        response,
        picture: None,
    };
    Ok((map, None))
}

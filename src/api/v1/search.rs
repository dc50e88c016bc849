//! `POST /api/v1/search`: verified results for Nextcloud's unified search.

use super::params::Params;
use super::picture::Points;
use super::search_body::{Defaults, SearchBody};
use crate::api::ApiError;
use crate::api::extract::AuthenticatedUser;
use crate::api::search_routes::DocumentRoutes;
use crate::search::{Algorithm, Granularity, SearchHit, SearchMap};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use chrono::{DateTime, Utc};
use serde::Serialize;

const DEFAULTS: Defaults = Defaults {
    limit: 20,
    include_pca: false,
};

/// The answer.
#[derive(Serialize)]
pub(crate) struct SearchAnswer {
    results: Vec<SearchRow>,
    total_found: usize,
    algorithm_used: Algorithm,
    granularity: Granularity,
    relevance_fit_base_rate: f32,
    reranked: bool,
    /// Why results may be missing; null when they are complete.
    degraded: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pca_data: Option<Points>,
}

/// One result. What a type of document does not have is null.
#[derive(Serialize)]
pub(super) struct SearchRow {
    id: String,
    doc_type: String,
    title: String,
    score: f32,
    relevance: f32,
    relevance_source: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) excerpt: Option<String>,
    pub(super) path: String,
    pub(super) url: String,
    pub(super) mime_type: Option<String>,
    modified_at: Option<DateTime<Utc>>,
    board_id: Option<i64>,
    card_id: Option<i64>,
    calendar_id: Option<String>,
    event_uid: Option<String>,
    page_number: Option<u32>,
    page_count: Option<u32>,
    chunk_index: usize,
    total_chunks: usize,
    chunk_start_offset: usize,
    chunk_end_offset: usize,
}

impl From<SearchHit> for SearchRow {
    fn from(hit: SearchHit) -> Self {
        Self {
            id: hit.id,
            doc_type: hit.doc_type,
            title: hit.title,
            score: hit.score,
            relevance: hit.score,
            relevance_source: "fusion_ordinal",
            excerpt: Some(hit.excerpt),
            path: hit.path,
            url: hit.url,
            mime_type: hit.mime_type,
            modified_at: hit.modified_at,
            board_id: None,
            card_id: None,
            calendar_id: None,
            event_uid: None,
            page_number: None,
            page_count: None,
            chunk_index: hit.chunk_index,
            total_chunks: hit.total_chunks,
            chunk_start_offset: hit.chunk_start_offset,
            chunk_end_offset: hit.chunk_end_offset,
        }
    }
}

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
            .map(|row| SearchRow {
                excerpt: row.excerpt.filter(|_| include_chunks),
                ..row
            })
            .collect(),
        total_found: map.response.total_found,
        algorithm_used: map.response.algorithm_used,
        granularity,
        relevance_fit_base_rate: 0.0,
        reranked: false,
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

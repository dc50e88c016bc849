//! `POST /api/v1/vector-viz/search`: the search page of Astrolabe, with its plot.

use super::params::{Params, bad};
use super::picture::Points;
use super::search::{SearchRow, find};
use super::search_body::{Defaults, SearchBody};
use crate::api::ApiError;
use crate::api::extract::AuthenticatedUser;
use crate::api::search_routes::DocumentRoutes;
use crate::search::Algorithm;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Serialize;
use std::collections::HashSet;

const DEFAULTS: Defaults = Defaults {
    limit: 10,
    include_pca: true,
};
/// Results in one plot.
const MAX_RESULTS: usize = 50;
/// Code points of an excerpt.
const EXCERPT: usize = 200;

/// The answer: results and coordinates in the same order.
#[derive(Serialize)]
pub(crate) struct VectorViz {
    results: Vec<VizRow>,
    algorithm_used: Algorithm,
    /// Documents among the results.
    total_documents: usize,
    total_found: usize,
    relevance_fit_base_rate: f32,
    reranked: bool,
    degraded: Option<String>,
    #[serde(flatten)]
    points: Points,
}

#[derive(Serialize)]
struct VizRow {
    #[serde(flatten)]
    row: SearchRow,
    metadata: Metadata,
}

/// What Astrolabe makes its links from.
#[derive(Serialize)]
struct Metadata {
    path: String,
    url: String,
    mime_type: Option<String>,
    board_id: Option<i64>,
}

impl From<SearchRow> for VizRow {
    fn from(mut row: SearchRow) -> Self {
        row.excerpt = row.excerpt.map(|text| text.chars().take(EXCERPT).collect());
        Self {
            metadata: Metadata {
                path: row.path.clone(),
                url: row.url.clone(),
                mime_type: row.mime_type.clone(),
                board_id: None,
            },
            row,
        }
    }
}

pub(crate) async fn vector_viz(
    State(state): State<DocumentRoutes>,
    user: AuthenticatedUser,
    body: Bytes,
) -> Result<Json<VectorViz>, ApiError> {
    let params = Params::of_body(&body)?;
    if params.text("query")?.is_none_or(|query| query.trim().is_empty()) {
        return Err(bad("Missing required parameter: query"));
    }
    let mut body = SearchBody::read(&params, state.documents(), DEFAULTS)?;
    body.request.limit = body.request.limit.min(MAX_RESULTS);
    let (map, points) = find(&state, &user, body).await?;
    let hits = map.response.hits;
    let documents: HashSet<(&str, &str)> = hits
        .iter()
        .map(|hit| (hit.doc_type.as_str(), hit.id.as_str()))
        .collect();
    Ok(Json(VectorViz {
        total_documents: documents.len(),
        results: hits.into_iter().map(SearchRow::from).map(VizRow::from).collect(),
        algorithm_used: map.response.algorithm_used,
        total_found: map.response.total_found,
        relevance_fit_base_rate: 0.0,
        reranked: false,
        degraded: map.response.degraded,
        points: points.unwrap_or_default(),
    }))
}

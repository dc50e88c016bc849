//! `POST /api/v1/vector-viz/search`: the search page of Astrolabe, with its plot.

use super::params::{Params, bad};
use super::picture::Points;
use super::search::{SearchRow, find};
use super::search_body::{Defaults, SearchBody};
use super::search_fields::{PlottedSearchFields, example_plotted};
use crate::api::ApiError;
use crate::api::extract::AuthenticatedUser;
use crate::api::openapi::{ToBearer, ToDocuments, ToSearches};
use crate::api::search_routes::DocumentRoutes;
use crate::search::Algorithm;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use serde::Serialize;
use std::collections::HashSet;
use utoipa::ToSchema;

const DEFAULTS: Defaults = Defaults {
    limit: 10,
    include_pca: true,
};
/// Results in one plot.
const MAX_RESULTS: usize = 50;
/// Code points of an excerpt.
const EXCERPT: usize = 200;

/// The answer: results and coordinates in the same order.
#[derive(Serialize, ToSchema)]
pub(crate) struct VectorViz {
    /// The best first.
    results: Vec<VizRow>,
    /// What was really searched with.
    algorithm_used: Algorithm,
    /// Documents among the results.
    total_documents: usize,
    /// How many were found before the page was cut out.
    total_found: usize,
    /// 0: relevance is not fitted.
    relevance_fit_base_rate: f32,
    /// Whether a cross-encoder ordered the results.
    reranked: bool,
    /// Why results may be missing; null when they are complete.
    #[schema(required)]
    degraded: Option<String>,
    #[serde(flatten)]
    points: Points,
}

/// One result, with its excerpt cut to 200 characters.
#[derive(Serialize, ToSchema)]
#[schema(as = PlottedResult)]
struct VizRow {
    #[serde(flatten)]
    row: SearchRow,
    metadata: Metadata,
}

/// What Astrolabe makes its links from.
#[derive(Serialize, ToSchema)]
#[schema(as = ResultMetadata)]
struct Metadata {
    /// As the caller sees it.
    path: String,
    /// Opens the document in Nextcloud.
    url: String,
    /// Type of its content.
    #[schema(required)]
    mime_type: Option<String>,
    /// Of a Deck card.
    #[schema(required)]
    board_id: Option<i64>,
}

impl From<SearchRow> for VizRow {
    fn from(mut row: SearchRow) -> Self {
        row.excerpt = row.excerpt.map(|text| text.chars().take(EXCERPT).collect());
        row.highlights.retain(|place| place.end <= EXCERPT);
        Self {
            metadata: Metadata {
                path: row.path.clone(),
                url: row.url.clone(),
                mime_type: row.mime_type.clone(),
                board_id: row.board_id,
            },
            row,
        }
    }
}

/// Searches and draws the results as points.
///
/// As `/api/v1/search`, with at most 50 results; `coordinates_3d` has one point for each result, in their order.
#[utoipa::path(
    post,
    path = "/api/v1/vector-viz/search",
    tag = "search",
    security(("bearer" = [])),
    request_body(content = PlottedSearchFields, example = json!({
        "query": "when does the ferry leave", "algorithm": "hybrid", "limit": 50, "include_pca": true,
        "doc_types": ["note", "file"]
    })),
    responses(
        (status = 200, description = "What was found", body = VectorViz, example = json!({
            "results": [example_plotted()], "algorithm_used": "hybrid", "total_documents": 1, "total_found": 1,
            "relevance_fit_base_rate": 0.0, "reranked": false, "degraded": null,
            "coordinates_3d": [[0.1, -0.2, 0.05]], "query_coords": [0.0, 0.1, 0.0],
            "pca_variance": {"pc1": 0.5, "pc2": 0.3, "pc3": 0.2}
        })),
        ToBearer, ToDocuments, ToSearches,
    ),
)]
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
        reranked: map.response.reranked,
        degraded: map.response.degraded,
        points: points.unwrap_or_default(),
    }))
}

//! A search as Astrolabe asks for it.

use super::params::{Params, bad};
use crate::api::ApiError;
use crate::api::search_routes::Documents;
use crate::search::{Algorithm, Fusion, Granularity, MAX_OFFSET, MAX_PATH_PREFIXES, SearchRequest};
use http::StatusCode;

/// Results in one answer, however many are asked for.
pub(super) const MAX_LIMIT: usize = 100;

/// What a search of the management API asks for.
#[derive(Debug)]
pub(super) struct SearchBody {
    pub(super) request: SearchRequest,
    /// Draw the results as points.
    pub(super) include_pca: bool,
    /// Show the passages.
    pub(super) include_chunks: bool,
    /// Only types were asked for that this server has no documents of.
    pub(super) of_other_types: bool,
}

/// What differs between the routes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Defaults {
    pub(super) limit: usize,
    pub(super) include_pca: bool,
}

impl SearchBody {
    /// Reads and checks a body; names that nobody reads are ignored, a user's among them (case S03).
    pub(super) fn read(params: &Params, documents: &Documents, defaults: Defaults) -> Result<Self, ApiError> {
        let threshold = params.share("score_threshold")?;
        // A result's relevance is its score.
        let score_threshold = threshold.max(params.share("min_relevance")?);
        let rerank = params.flag("rerank", false)?;
        if rerank && !documents.search.reranks() {
            return Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "rerank_not_configured",
            ));
        }
        let asked_types = params.names("doc_types")?.filter(|types| !types.is_empty());
        let known = documents.search.doc_types();
        let doc_types = asked_types.clone().map(|types| -> Vec<String> {
            types
                .into_iter()
                .filter(|asked| known.contains(&asked.as_str()))
                .collect()
        });
        Ok(Self {
            include_pca: params.flag("include_pca", defaults.include_pca)?,
            include_chunks: params.flag("include_chunks", true)?,
            of_other_types: doc_types.as_ref().is_some_and(Vec::is_empty),
            request: SearchRequest {
                query: params.text("query")?.unwrap_or_default().to_owned(),
                algorithm: algorithm(params, documents.search_types)?,
                fusion: fusion(params)?,
                granularity: granularity(params)?,
                limit: params.integer("limit", 1..=MAX_LIMIT, defaults.limit)?,
                offset: params.integer("offset", 0..=MAX_OFFSET, 0)?,
                score_threshold,
                doc_types,
                path_prefixes: path_prefixes(params)?,
                modified_after: params.moment("modified_after")?,
                modified_before: params.moment("modified_before")?,
                context_chars: 0,
                rerank,
            },
        })
    }
}

/// Absent means hybrid, which falls back to keywords by itself where there is no embedding model.
fn algorithm(params: &Params, supported: &'static [&'static str]) -> Result<Algorithm, ApiError> {
    let asked = params.text("algorithm")?.unwrap_or("hybrid");
    let known = match asked {
        "hybrid" => Some(Algorithm::Hybrid),
        "semantic" => Some(Algorithm::Semantic),
        "bm25" => Some(Algorithm::Bm25),
        _ => None,
    };
    known
        .filter(|algorithm| *algorithm == Algorithm::Hybrid || supported.contains(&algorithm.name()))
        .ok_or_else(|| {
            let shown: String = asked.chars().filter(|c| !c.is_control()).take(40).collect();
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "unsupported_search_type")
                .with_field("requested", shown)
                .with_field("supported_search_types", supported.to_vec())
        })
}

/// By the contract an unknown fusion is `rrf`.
fn fusion(params: &Params) -> Result<Fusion, ApiError> {
    Ok(match params.text("fusion")? {
        Some("dbsf") => Fusion::Dbsf,
        _ => Fusion::Rrf,
    })
}

fn granularity(params: &Params) -> Result<Granularity, ApiError> {
    match params.text("granularity")? {
        None | Some("chunk") => Ok(Granularity::Chunk),
        Some("document") => Ok(Granularity::Document),
        Some(_) => Err(bad("Invalid granularity: must be chunk or document")),
    }
}

/// By the contract those beyond the bound do not count.
fn path_prefixes(params: &Params) -> Result<Vec<String>, ApiError> {
    let mut prefixes = params.texts("path_prefixes")?.unwrap_or_default();
    let one = params.text("path_prefix")?.filter(|prefix| !prefix.is_empty());
    prefixes.extend(one.map(str::to_owned));
    prefixes.truncate(MAX_PATH_PREFIXES);
    Ok(prefixes)
}

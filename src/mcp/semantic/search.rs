//! `nc_semantic_search`.

use super::backend;
use super::time_argument::TimeArgument;
use crate::auth::scopes::Scope;
use crate::mcp::error::ToolError;
use crate::mcp::tool::{Answered, Effect, ToolContext, ToolEntry};
use crate::search::{
    Algorithm, Fusion, Granularity, Highlight, SearchHit, SearchRequest, SearchResponse, Snippet,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to look for, in natural language or keywords. Understands "exact phrases", type:note, in:folder,
    /// after:2024-01-31 and before:2024-12.
    query: String,
    /// Results wanted.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 100))]
    limit: usize,
    /// Only these types: note, file, calendar, contact.
    doc_types: Option<Vec<String>>,
    /// Leave out results that score below (0 to 1).
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    score_threshold: f32,
    /// Leave out results less relevant than this (0 to 1).
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    min_relevance: f32,
    /// How meaning and keywords are weighed together.
    #[serde(default)]
    fusion: Fusion,
    /// Passages, or documents each with its best passage.
    #[serde(default)]
    granularity: Granularity,
    /// Meaning and keywords, meaning only, keywords only.
    #[serde(default)]
    algorithm: Algorithm,
    /// Let a cross-encoder order the best results, where the server has one.
    #[serde(default)]
    rerank: bool,
    /// Add the text around each passage.
    #[serde(default)]
    include_context: bool,
    /// Characters of context on each side.
    #[serde(default = "default_context")]
    #[schemars(range(min = 0, max = 10_000))]
    context_chars: usize,
    /// Only documents modified then or later: RFC 3339 or Unix seconds.
    modified_after: Option<TimeArgument>,
    /// Only documents modified then or earlier.
    modified_before: Option<TimeArgument>,
    /// One folder; prefer `path_prefixes`.
    path_prefix: Option<String>,
    /// Only documents below one of these folders.
    #[schemars(length(max = 20))]
    path_prefixes: Option<Vec<String>>,
}

fn default_limit() -> usize {
    10
}

fn default_context() -> usize {
    300
}

#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum DocumentKey {
    Number(i64),
    Text(String),
}

#[derive(Debug, Serialize, JsonSchema)]
struct Row {
    id: DocumentKey,
    doc_type: String,
    title: String,
    category: String,
    path: String,
    excerpt: String,
    /// The query's words in `excerpt`, in code points.
    highlights: Vec<Highlight>,
    /// The part of the excerpt around its best match.
    snippet: Snippet,
    score: f32,
    relevance: f32,
    relevance_source: &'static str,
    chunk_index: usize,
    total_chunks: usize,
    chunk_start_offset: Option<usize>,
    chunk_end_offset: Option<usize>,
    /// Page of the excerpt, from 1, in documents that have pages or slides.
    page_number: Option<usize>,
    page_count: Option<usize>,
    url: Option<String>,
    has_context_expansion: bool,
    marked_text: Option<String>,
    before_context: Option<String>,
    after_context: Option<String>,
    has_before_truncation: Option<bool>,
    has_after_truncation: Option<bool>,
}

impl Row {
    fn new(hit: SearchHit, with_context: bool) -> Self {
        let (before, after) = (
            hit.before_context.unwrap_or_default(),
            hit.after_context.unwrap_or_default(),
        );
        let marked_text = with_context.then(|| format!("{before}<mark>{}</mark>{after}", hit.excerpt));
        Self {
            id: hit
                .id
                .parse()
                .map_or_else(|_| DocumentKey::Text(hit.id.clone()), DocumentKey::Number),
            doc_type: hit.doc_type,
            title: hit.title,
            category: hit.category,
            path: hit.path,
            excerpt: hit.excerpt,
            highlights: hit.highlights,
            snippet: hit.snippet,
            score: hit.score,
            relevance: hit.score,
            relevance_source: "fusion_ordinal",
            chunk_index: hit.chunk_index,
            total_chunks: hit.total_chunks,
            chunk_start_offset: Some(hit.chunk_start_offset),
            chunk_end_offset: Some(hit.chunk_end_offset),
            page_number: hit.page_number,
            page_count: hit.page_count,
            url: Some(hit.url),
            has_context_expansion: with_context,
            marked_text,
            before_context: with_context.then_some(before),
            after_context: with_context.then_some(after),
            has_before_truncation: with_context.then_some(hit.has_more_before),
            has_after_truncation: with_context.then_some(hit.has_more_after),
        }
    }
}

#[derive(Debug, Serialize, JsonSchema)]
struct SemanticSearch {
    #[serde(flatten)]
    answered: Answered,
    results: Vec<Row>,
    query: String,
    total_found: usize,
    search_method: String,
    granularity: Granularity,
    reranked: bool,
    /// The model that reordered the results, where it has a name.
    rerank_model: Option<String>,
    verified_chunk_count: usize,
    dropped_document_count: usize,
    /// Why results may be missing; null when they are complete.
    degraded: Option<String>,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_semantic_search",
        "Search contents",
        "Search the contents of the user's notes, files, calendars and contacts by meaning and keywords. Every result \
         was checked with Nextcloud to be readable by the user. Read a whole note or file with nc_notes_get_note or \
         nc_webdav_read_file, and anything with fetch.",
        Effect::Reads,
        Scope::SEMANTIC_READ,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<SemanticSearch, ToolError> {
    if arguments.rerank && !backend(&context)?.search.reranks() {
        return Err(ToolError::Told(
            "reranking is not configured on this server. Leave out `rerank`.".into(),
        ));
    }
    let (query, fusion, granularity) = (arguments.query.clone(), arguments.fusion, arguments.granularity);
    let with_context = arguments.include_context;
    let min_relevance = arguments.min_relevance;
    let request = request(arguments)?;
    let response = backend(&context)?.search.search(&context.caller, request).await?;
    let search_method = method(&response, fusion);
    let results: Vec<Row> = response
        .hits
        .into_iter()
        .filter(|hit| hit.score >= min_relevance)
        .map(|hit| Row::new(hit, with_context))
        .collect();
    Ok(SemanticSearch {
        answered: context.answered(),
        results,
        query,
        total_found: response.total_found,
        search_method,
        granularity,
        reranked: response.reranked,
        rerank_model: response.rerank_model,
        verified_chunk_count: response.verified_chunks,
        dropped_document_count: response.dropped_documents,
        degraded: response.degraded,
    })
}

fn request(arguments: Arguments) -> Result<SearchRequest, ToolError> {
    let moment =
        |argument: &Option<TimeArgument>, name| argument.as_ref().map(|time| time.moment(name)).transpose();
    let modified_after = moment(&arguments.modified_after, "modified_after")?;
    let modified_before = moment(&arguments.modified_before, "modified_before")?;
    if let (Some(after), Some(before)) = (modified_after, modified_before)
        && after > before
    {
        return Err(ToolError::Arguments(
            "`modified_after` must not be later than `modified_before`".into(),
        ));
    }
    let mut path_prefixes = arguments.path_prefixes.unwrap_or_default();
    path_prefixes.extend(arguments.path_prefix.filter(|prefix| !prefix.is_empty()));
    Ok(SearchRequest {
        query: arguments.query,
        algorithm: arguments.algorithm,
        fusion: arguments.fusion,
        granularity: arguments.granularity,
        limit: arguments.limit,
        offset: 0,
        score_threshold: arguments.score_threshold,
        doc_types: arguments.doc_types,
        path_prefixes,
        modified_after,
        modified_before,
        context_chars: if arguments.include_context {
            arguments.context_chars
        } else {
            0
        },
        rerank: arguments.rerank,
    })
}

/// As upstream names it.
fn method(response: &SearchResponse, fusion: Fusion) -> String {
    match (response.algorithm_used, fusion) {
        (Algorithm::Hybrid, Fusion::Rrf) => "bm25_hybrid_rrf".into(),
        (Algorithm::Hybrid, Fusion::Dbsf) => "bm25_hybrid_dbsf".into(),
        (Algorithm::Semantic, _) => "semantic".into(),
        (Algorithm::Bm25, _) => "bm25".into(),
    }
}

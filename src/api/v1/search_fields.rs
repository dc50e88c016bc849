//! What the body of a search may hold; [`super::search_body`] reads it.

use super::params::{MAX_NAME, MAX_NAMES};
use super::search_body::MAX_LIMIT;
use crate::api::openapi::{Written, any_text, days, flag, list_of, one_of, share, short_text, text, whole};
use crate::search::{MAX_OFFSET, MAX_QUERY_CHARS};
use serde_json::{Value, json};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// A search.
pub(crate) struct SearchFields;

/// A search whose results are drawn.
pub(crate) struct PlottedSearchFields;

impl PartialSchema for SearchFields {
    fn schema() -> RefOr<Schema> {
        let query = text(
            Some(MAX_QUERY_CHARS),
            "What is looked for; without words nothing is found.",
        );
        fields(query, 20, false).into()
    }
}

impl ToSchema for SearchFields {}

impl PartialSchema for PlottedSearchFields {
    fn schema() -> RefOr<Schema> {
        let query = ObjectBuilder::new()
            .schema_type(Type::String)
            .max_length(Some(MAX_QUERY_CHARS))
            .pattern(Some(r"^[^\u0000]*[^\s\u0000][^\u0000]*$"))
            .description(Some("What is looked for."));
        fields(query, 10, true).required("query").into()
    }
}

impl ToSchema for PlottedSearchFields {}

/// Fields that are not named here are ignored.
fn fields(query: ObjectBuilder, limit: usize, draws: bool) -> ObjectBuilder {
    let number = |range, default, about| whole(Written::InBody, &range, Some(default), about);
    let types = list_of(
        any_text(Some(MAX_NAME)),
        Some(MAX_NAMES),
        "Only documents of these types; an empty list: of all.",
    );
    let folders = list_of(
        short_text(None),
        None,
        "Only documents in these folders of the caller; those after the twentieth do not count.",
    );
    ObjectBuilder::new()
        .property("query", query)
        .property(
            "algorithm",
            one_of(
                &["hybrid", "semantic", "bm25"],
                "hybrid",
                "`hybrid` falls back to keywords where there is no embedding model; `/api/v1/status` names what there is.",
            ),
        )
        .property(
            "fusion",
            text(None, "`dbsf`; anything else is `rrf`.").pattern(None::<String>),
        )
        .property("score_threshold", share("Results below are left out."))
        .property("min_relevance", share("The same; the greater of both counts."))
        .property("limit", number(1..=MAX_LIMIT, limit, "Results in the answer."))
        .property("offset", number(0..=MAX_OFFSET, 0, "Results before those in the answer."))
        .property("include_pca", flag(draws, "Draw the results as points."))
        .property("include_chunks", flag(true, "Show the passages."))
        .property("doc_types", types)
        .property(
            "granularity",
            one_of(&["chunk", "document"], "chunk", "What one result is."),
        )
        .property(
            "rerank",
            flag(false, "Let a cross-encoder order the results, where there is one."),
        )
        .property("modified_after", days("Only documents changed then or later."))
        .property("modified_before", days("Only documents changed then or earlier."))
        .property("path_prefix", text(None, "One more folder."))
        .property("path_prefixes", folders)
}

/// A result for the description.
pub(super) fn example_result() -> Value {
    json!({
        "id": "163", "doc_type": "note", "title": "Ferry", "score": 0.98, "relevance": 0.98,
        "relevance_source": "fusion_ordinal", "excerpt": "The ferry leaves at noon.", "path": "/Notes/Ferry.md",
        "url": "https://cloud.example.org/f/163", "mime_type": "text/markdown", "modified_at": "2026-03-01T08:00:00Z",
        "board_id": null, "card_id": null, "calendar_id": null, "event_uid": null, "page_number": null,
        "page_count": null, "chunk_index": 0, "total_chunks": 1, "chunk_start_offset": 0, "chunk_end_offset": 25
    })
}

/// The same with what plots read.
pub(super) fn example_plotted() -> Value {
    let mut result = example_result();
    result["metadata"] = json!({
        "path": "/Notes/Ferry.md", "url": "https://cloud.example.org/f/163", "mime_type": "text/markdown",
        "board_id": null
    });
    result
}

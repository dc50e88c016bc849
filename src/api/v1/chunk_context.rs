//! `GET /api/v1/chunk-context`: a passage with the text around it, from the stored text.

use super::params::{Params, bad};
use crate::api::ApiError;
use crate::api::extract::AuthenticatedUser;
use crate::api::openapi::{ToBearer, ToDocuments, Written, code, in_query, whole};
use crate::api::search_routes::DocumentRoutes;
use crate::search::MAX_CONTEXT_CHARS;
use axum::Json;
use axum::extract::{RawQuery, State};
use http::StatusCode;
use serde::Serialize;
use serde_json::json;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::{IntoParams, ToSchema};

/// Largest offset into a text.
const MAX_TEXT_OFFSET: usize = 10_000_000;
/// Largest position of a passage.
const MAX_CHUNK_INDEX: usize = 1_000_000;
const DEFAULT_CONTEXT: usize = 500;
/// Characters of the longest type of documents.
const MAX_TYPE: usize = 64;
/// Digits of the longest id.
const MAX_ID_DIGITS: usize = 20;

/// The passage. Offsets of the request are code points.
#[derive(Serialize, ToSchema)]
pub(crate) struct Passage {
    /// True.
    success: bool,
    /// The text from `start` to `end`.
    chunk_text: String,
    /// The text before it.
    before_context: String,
    /// The text after it.
    after_context: String,
    /// Whether there is more before that.
    has_more_before: bool,
    /// Whether there is more after that.
    has_more_after: bool,
    /// Page from 1; null for documents without pages.
    #[schema(required)]
    page_number: Option<usize>,
    /// Place of the passage that begins at `start`, where one does.
    #[schema(required)]
    chunk_index: Option<usize>,
    /// Passages of the document.
    total_chunks: usize,
}

/// The parameters of the query.
struct WantedParams;

impl IntoParams for WantedParams {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let offset = |about| whole(Written::InQuery, &(0..=MAX_TEXT_OFFSET), None, about);
        let hint = || {
            whole(
                Written::InQuery,
                &(0..=MAX_CHUNK_INDEX),
                None,
                "A hint that is not needed.",
            )
        };
        let context = whole(
            Written::InQuery,
            &(0..=MAX_CONTEXT_CHARS),
            Some(DEFAULT_CONTEXT),
            "Code points of text before and after.",
        );
        let doc_type = code(
            "^[A-Za-z0-9_]+$",
            MAX_TYPE,
            "Type of the document: `note`, `file` …",
        );
        let doc_id = code("^[1-9][0-9]*$", MAX_ID_DIGITS, "Nextcloud's id of the document.");
        let end = offset("Where it ends; greater than `start`.");
        let start = offset("Where the passage begins, in code points.");
        vec![
            in_query("doc_type", true, doc_type, json!("note")),
            in_query("doc_id", true, doc_id, json!("163")),
            in_query("start", true, start, json!(10)),
            in_query("end", true, end, json!(24)),
            in_query("context", false, context, json!(500)),
            in_query("chunk_index", false, hint(), json!(0)),
            in_query("total_chunks", false, hint(), json!(1)),
        ]
    }
}

/// What is asked for.
#[derive(Debug, PartialEq)]
struct Wanted {
    doc_type: String,
    doc_id: String,
    start: usize,
    end: usize,
    context: usize,
}

/// A passage with the text around it.
///
/// From the stored text, of a document that the caller may open now.
#[utoipa::path(
    get,
    path = "/api/v1/chunk-context",
    tag = "search",
    security(("bearer" = [])),
    params(WantedParams),
    responses(
        (status = 200, description = "The passage", body = Passage, example = json!({
            "success": true, "chunk_text": "leaves at noon", "before_context": "The ferry ",
            "after_context": ", said the note.", "has_more_before": false, "has_more_after": false,
            "page_number": null, "chunk_index": 0, "total_chunks": 1
        })),
        ToBearer, ToDocuments,
    ),
)]
pub(crate) async fn chunk_context(
    State(state): State<DocumentRoutes>,
    user: AuthenticatedUser,
    RawQuery(query): RawQuery,
) -> Result<Json<Passage>, ApiError> {
    answer(&state, &user, query.as_deref())
        .await
        .map(Json)
        .map_err(|error| error.with_field("success", false))
}

async fn answer(
    state: &DocumentRoutes,
    user: &AuthenticatedUser,
    query: Option<&str>,
) -> Result<Passage, ApiError> {
    let wanted = Wanted::read(&Params::of_query(query))?;
    let Wanted { doc_type, doc_id, .. } = &wanted;
    // One answer for a type that is not here, an id that does not exist and a document of somebody else (case S06).
    let not_found = || {
        ApiError::new(
            StatusCode::NOT_FOUND,
            format!("Failed to fetch chunk context for {doc_type} {doc_id}"),
        )
    };
    if !state.documents().search.doc_types().contains(&doc_type.as_str()) {
        return Err(not_found());
    }
    let found = state
        .chunk_context(
            user.principal(),
            (doc_type, doc_id),
            (wanted.start, wanted.end, wanted.context),
        )
        .await?
        .ok_or_else(not_found)?;
    Ok(Passage {
        success: true,
        chunk_text: found.chunk_text,
        before_context: found.before_context,
        after_context: found.after_context,
        has_more_before: found.has_more_before,
        has_more_after: found.has_more_after,
        page_number: found.page_number,
        chunk_index: found.chunk_index,
        total_chunks: found.total_chunks,
    })
}

impl Wanted {
    fn read(params: &Params) -> Result<Self, ApiError> {
        let missing = || bad("Missing required parameters: doc_type, doc_id, start, end");
        let text = |name| -> Result<&str, ApiError> {
            params
                .text(name)?
                .filter(|text| !text.is_empty())
                .ok_or_else(missing)
        };
        let (doc_type, doc_id) = (text("doc_type")?, text("doc_id")?);
        let offset = |name| params.optional_integer(name, 0..=MAX_TEXT_OFFSET);
        let start = offset("start")?.ok_or_else(missing)?;
        let end = offset("end")?.ok_or_else(missing)?;
        let context = params.integer("context", 0..=MAX_CONTEXT_CHARS, DEFAULT_CONTEXT)?;
        // Hints for finding the passage, which the offsets say already.
        params.optional_integer("chunk_index", 0..=MAX_CHUNK_INDEX)?;
        params.optional_integer("total_chunks", 0..=MAX_CHUNK_INDEX)?;
        if end <= start {
            return Err(bad("Invalid end: must be greater than start"));
        }
        if !is_name(doc_type) {
            return Err(bad("Invalid doc_type"));
        }
        if !is_id(doc_id) {
            let shown: String = doc_id.chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(bad(format!("doc_id must be numeric, got {shown}")));
        }
        Ok(Self {
            doc_type: doc_type.to_owned(),
            doc_id: doc_id.to_owned(),
            start,
            end,
            context,
        })
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= MAX_TYPE
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A positive decimal number without a leading zero.
fn is_id(text: &str) -> bool {
    text.len() <= MAX_ID_DIGITS && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<Wanted, String> {
        Wanted::read(&Params::of_query(Some(query))).map_err(|error| {
            let body: serde_json::Value = serde_json::from_slice(&error.body(None)).unwrap();
            body["error"].as_str().unwrap().to_owned()
        })
    }

    #[test]
    fn what_astrolabe_sends_is_read() {
        let wanted = read("doc_type=note&doc_id=163&start=0&end=10&context=500").unwrap();
        let expected = Wanted {
            doc_type: "note".into(),
            doc_id: "163".into(),
            start: 0,
            end: 10,
            context: 500,
        };
        assert_eq!(wanted, expected);
        assert_eq!(read("doc_type=note&doc_id=163&start=0&end=10").unwrap(), expected);
    }

    #[test]
    fn s06_wrong_values_are_named() {
        let missing = "Missing required parameters: doc_type, doc_id, start, end";
        for (query, text) in [
            ("", missing),
            ("doc_type=note&doc_id=1&start=0", missing),
            ("doc_type=note&doc_id=&start=0&end=1", missing),
            (
                "doc_type=note&doc_id=1&start=-1&end=1",
                "Invalid start: must be between 0 and 10000000",
            ),
            (
                "doc_type=note&doc_id=1&start=0&end=9223372036854775808",
                "Invalid end: must be between 0 and 10000000",
            ),
            (
                "doc_type=note&doc_id=1&start=x&end=1",
                "Invalid start: must be an integer",
            ),
            (
                "doc_type=note&doc_id=1&start=5&end=5",
                "Invalid end: must be greater than start",
            ),
            (
                "doc_type=note&doc_id=1&start=0&end=5&chunk_index=9223372036854775808",
                "Invalid chunk_index: must be between 0 and 1000000",
            ),
            (
                "doc_type=note&doc_id=1&start=0&end=5&context=10001",
                "Invalid context: must be between 0 and 10000",
            ),
            (
                "doc_type=note&doc_id=01&start=0&end=5",
                "doc_id must be numeric, got 01",
            ),
            (
                "doc_type=note&doc_id=-1&start=0&end=5",
                "doc_id must be numeric, got -1",
            ),
            ("doc_type=n%00&doc_id=1&start=0&end=5", "Invalid doc_type"),
        ] {
            assert_eq!(read(query).unwrap_err(), text, "{query}");
        }
    }
}

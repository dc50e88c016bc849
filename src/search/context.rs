//! One document of a reader: its whole text, or a passage with what stands around it.

use super::families::Family;
use super::project::{cut_after, link, position};
use super::request::{MAX_CONTEXT_CHARS, check};
use super::verify::{AccessCheck, Question, Verification};
use super::{SearchDocument, SearchError};
use crate::auth::Principal;
use crate::ids::DocumentId;
use serde::Serialize;
use sqlx::PgPool;
use std::sync::Arc;
use url::Url;

/// Largest offset into a text that may be asked for.
const MAX_TEXT_OFFSET: usize = 10_000_000;

/// A passage of a document with the text around it. Offsets are code points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChunkContext {
    /// The passage.
    pub chunk_text: String,
    /// Text before it.
    pub before_context: String,
    /// Text after it.
    pub after_context: String,
    /// More text stands before `before_context`.
    pub has_more_before: bool,
    /// More text stands after `after_context`.
    pub has_more_after: bool,
    /// Page of the passage, from 1, in documents that have pages or slides.
    pub page_number: Option<usize>,
    /// Position of the indexed chunk with exactly these bounds, from 0.
    pub chunk_index: Option<usize>,
    /// Indexed chunks of the document.
    pub total_chunks: usize,
}

/// A slice of a document's text, in code points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slice {
    start: i32,
    end: i32,
    context: i32,
}

impl Slice {
    /// Checks the bounds.
    pub fn new(start: usize, end: usize, context: usize) -> Result<Self, SearchError> {
        check(end <= MAX_TEXT_OFFSET, || {
            format!("end must be at most {MAX_TEXT_OFFSET}, not {end}")
        })?;
        check(start < end, || {
            format!("end ({end}) must be greater than start ({start})")
        })?;
        check(context <= MAX_CONTEXT_CHARS, || {
            format!("context must be at most {MAX_CONTEXT_CHARS}, not {context}")
        })?;
        let number = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        Ok(Self {
            start: number(start),
            end: number(end),
            context: number(context),
        })
    }
}

/// A document with a text, as this reader sees it.
#[derive(Debug)]
struct Found {
    id: i64,
    family: String,
    title: String,
    path: String,
    part: String,
    mime_type: Option<String>,
    generation: i64,
    chunk_count: i32,
}

/// The reader's document, if a scan has seen that he may read it and Nextcloud says so now. `None` does not
/// tell whether it exists.
async fn readable(
    pool: &PgPool,
    principal: &Principal,
    access: &dyn AccessCheck,
    doc_type: &str,
    native_id: &str,
) -> Result<Option<Found>, SearchError> {
    if native_id.contains('\0') || doc_type.contains('\0') {
        return Ok(None);
    }
    let found = sqlx::query_as!(
        Found,
        "select d.id, d.family, r.title, r.path, r.part, d.mime_type, d.visible_generation as generation, d.chunk_count
         from document_readers r join documents d on d.id = r.document_id
         where r.uid = $1 and r.doc_type = $2 and d.native_id = $3 and d.visible_generation > 0
         order by d.id limit 1",
        principal.user().as_str(),
        doc_type,
        native_id,
    )
    .fetch_optional(pool)
    .await?;
    let Some(found) = found else { return Ok(None) };
    let document = DocumentId(found.id);
    let mut verification = Verification::new(access);
    let question = Question {
        document,
        family: found.family.clone(),
        native_id: native_id.to_owned(),
    };
    verification.ask(&[question]).await;
    if verification.refused() {
        return Err(SearchError::CredentialRefused);
    }
    if let Some(failure) = verification.failure() {
        return Err(SearchError::Unavailable(failure.into()));
    }
    Ok(verification.confirmed(document).then_some(found))
}

/// The whole text.
pub(super) async fn document(
    pool: &PgPool,
    principal: &Principal,
    access: &dyn AccessCheck,
    families: &[Arc<dyn Family>],
    public_url: &Url,
    (doc_type, native_id): (&str, &str),
) -> Result<Option<SearchDocument>, SearchError> {
    let Some(found) = readable(pool, principal, access, doc_type, native_id).await? else {
        return Ok(None);
    };
    let text = sqlx::query_scalar!(
        "select text from document_texts where document_id = $1 and generation = $2",
        found.id,
        found.generation
    )
    .fetch_optional(pool)
    .await?;
    Ok(text.map(|text| SearchDocument {
        url: link(
            families,
            public_url,
            principal.user(),
            &found.family,
            doc_type,
            native_id,
            &found.part,
        ),
        title: found.title,
        text,
        path: found.path,
        mime_type: found.mime_type,
    }))
}

/// A passage and what stands around it; `None` also when the text ends before the passage starts.
pub(super) async fn chunk_context(
    pool: &PgPool,
    principal: &Principal,
    access: &dyn AccessCheck,
    (doc_type, native_id): (&str, &str),
    slice: Slice,
) -> Result<Option<ChunkContext>, SearchError> {
    let Some(found) = readable(pool, principal, access, doc_type, native_id).await? else {
        return Ok(None);
    };
    let row = sqlx::query!(
        r#"select substr(t.text, $3 + 1, $4 - $3) as "passage!",
                  substr(t.text, greatest($3 - $5, 0) + 1, least($3, $5)) as "before!",
                  substr(t.text, $4 + 1, $5 + 1) as "after!",
                  (select c.ordinal from chunks c
                   where c.document_id = t.document_id and c.generation = t.generation
                     and c.start_offset = $3 and c.end_offset = $4
                   order by c.ordinal limit 1) as ordinal,
                  (select c.page_number from chunks c
                   where c.document_id = t.document_id and c.generation = t.generation and c.start_offset <= $3
                   order by c.start_offset desc, c.ordinal desc limit 1) as page_number
           from document_texts t where t.document_id = $1 and t.generation = $2"#,
        found.id,
        found.generation,
        slice.start,
        slice.end,
        slice.context,
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row.filter(|row| !row.passage.is_empty()) else {
        return Ok(None);
    };
    let (after_context, has_more_after) = cut_after(&row.after, position(slice.context));
    Ok(Some(ChunkContext {
        chunk_text: row.passage,
        before_context: row.before,
        after_context,
        has_more_before: slice.start > slice.context,
        has_more_after,
        page_number: row.page_number.map(position),
        chunk_index: row.ordinal.map(position),
        total_chunks: position(found.chunk_count),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_of_a_slice_are_named() {
        for (start, end, context, name) in [
            (5, 5, 0, "start"),
            (6, 5, 0, "start"),
            (0, usize::MAX, 0, "end"),
            (0, 5, 10_001, "context"),
        ] {
            let message = Slice::new(start, end, context).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
        assert!(Slice::new(0, MAX_TEXT_OFFSET, MAX_CONTEXT_CHARS).is_ok());
    }
}

//! Chunks of the index as `PostgreSQL` knows them. What stands in the index but not here (an older version, a
//! removed document, a reader who lost access) is no candidate.

use crate::auth::Principal;
use crate::ids::{ChunkId, DocumentId, UserId};
use crate::index::Language;
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use std::collections::HashMap;

/// A chunk of a visible generation of a document that this principal was last seen to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    /// Chunk.
    pub chunk: ChunkId,
    /// Its document.
    pub document: DocumentId,
    /// Position in the document, from 0.
    pub ordinal: i32,
    /// Source family, which decides who verifies.
    pub family: String,
    /// Native id in the family.
    pub native_id: String,
    /// The reader's title.
    pub title: String,
    /// The reader's path.
    pub path: String,
    /// Language of its text.
    pub language: Option<Language>,
}

/// The candidates among `chunks`.
pub(super) async fn candidates(
    pool: &PgPool,
    principal: &Principal,
    chunks: &[ChunkId],
) -> Result<HashMap<ChunkId, Candidate>, sqlx::Error> {
    let ids: Vec<i64> = chunks.iter().map(|chunk| chunk.0).collect();
    let rows = sqlx::query!(
        "select c.id, c.document_id, c.ordinal, d.family, d.native_id, d.language, r.title, r.path
         from chunks c
         join documents d on d.id = c.document_id and d.visible_generation = c.generation
         join document_readers r on r.document_id = d.id and r.uid = $2
         where c.id = any($1::bigint[])",
        &ids,
        principal.user().as_str(),
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let candidate = Candidate {
                chunk: ChunkId(row.id),
                document: DocumentId(row.document_id),
                ordinal: row.ordinal,
                family: row.family,
                native_id: row.native_id,
                title: row.title,
                path: row.path,
                language: row.language.as_deref().and_then(Language::from_code),
            };
            (candidate.chunk, candidate)
        })
        .collect())
}

/// A passage with its document, as this principal sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Passage {
    /// Who reads it.
    pub reader: UserId,
    /// Source family.
    pub family: String,
    /// Native id.
    pub native_id: String,
    /// `note`, `file` … for this reader.
    pub doc_type: String,
    /// The reader's path.
    pub path: String,
    /// The part of its source that holds it for this reader, such as a board; empty for files.
    pub part: String,
    /// The reader's title.
    pub title: String,
    /// The reader's notes folder.
    pub notes_path: Option<String>,
    /// MIME type.
    pub mime_type: Option<String>,
    /// Language of the text.
    pub language: Option<Language>,
    /// Last modification.
    pub modified_at: Option<DateTime<Utc>>,
    /// Position in the document, from 0.
    pub ordinal: i32,
    /// Passages of the document.
    pub chunk_count: i32,
    /// Page of the passage, from 1, in documents that have pages.
    pub page_number: Option<i32>,
    /// Pages of the document.
    pub page_count: Option<i32>,
    /// First code point.
    pub start_offset: i32,
    /// One past the last code point.
    pub end_offset: i32,
    /// Text of the passage.
    pub excerpt: String,
    /// At most `context` code points before it.
    pub before: String,
    /// At most `context` + 1 code points after it: the last one tells that there is more.
    pub after: String,
}

/// The passages of `chunks` with `context` code points on each side. A chunk whose document was indexed anew
/// since it became a candidate is missing from the answer.
pub(super) async fn passages(
    pool: &PgPool,
    principal: &Principal,
    chunks: &[ChunkId],
    context: i32,
) -> Result<HashMap<ChunkId, Passage>, sqlx::Error> {
    let ids: Vec<i64> = chunks.iter().map(|chunk| chunk.0).collect();
    let rows = sqlx::query!(
        r#"select c.id, c.ordinal, c.start_offset, c.end_offset, c.page_number,
                  d.family, d.native_id, d.mime_type, d.language, d.modified_at, d.chunk_count, d.page_count,
                  r.doc_type, r.path, r.part, r.title, u.notes_path as "notes_path?",
                  substr(t.text, c.start_offset + 1, c.end_offset - c.start_offset) as "excerpt!",
                  substr(t.text, greatest(c.start_offset - $3, 0) + 1, least(c.start_offset, $3)) as "before!",
                  substr(t.text, c.end_offset + 1, $3 + 1) as "after!"
           from chunks c
           join documents d on d.id = c.document_id and d.visible_generation = c.generation
           join document_readers r on r.document_id = d.id and r.uid = $2
           join document_texts t on t.document_id = c.document_id and t.generation = c.generation
           left join users u on u.uid = r.uid
           where c.id = any($1::bigint[])"#,
        &ids,
        principal.user().as_str(),
        context,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let passage = Passage {
                reader: principal.user().clone(),
                family: row.family,
                native_id: row.native_id,
                doc_type: row.doc_type,
                path: row.path,
                part: row.part,
                title: row.title,
                notes_path: row.notes_path,
                mime_type: row.mime_type,
                language: row.language.as_deref().and_then(Language::from_code),
                modified_at: row.modified_at,
                ordinal: row.ordinal,
                chunk_count: row.chunk_count,
                page_number: row.page_number,
                page_count: row.page_count,
                start_offset: row.start_offset,
                end_offset: row.end_offset,
                excerpt: row.excerpt,
                before: row.before,
                after: row.after,
            };
            (ChunkId(row.id), passage)
        })
        .collect())
}

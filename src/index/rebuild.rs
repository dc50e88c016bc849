//! Filling an index from `PostgreSQL` alone.

use super::{IndexError, IndexStats, Language, Point, SparseEncoder, VectorIndex, half, language};
use crate::ids::{AccessSetId, ChunkId, DocumentId};
use sqlx::{PgConnection, PgPool};
use std::collections::HashMap;

/// Chunks per page; bounds memory. A page ends with a document, so a large one makes a larger page.
const PAGE_CHUNKS: i64 = 1_000;

/// Chunks encoded between two turns of the async scheduler.
const ENCODED_PER_TURN: usize = 50;

/// Documents without a reader belong to this access set, which no user has.
const NOBODY: i64 = 0;

/// What a rebuild did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RebuildReport {
    /// Points written.
    pub points: u64,
    /// Of these, with a dense vector.
    pub dense: u64,
}

/// Why a rebuild stopped; the index then lacks points and [`needs_rebuild`] says so.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// `PostgreSQL` failed.
    #[error("the stored chunks cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// The index failed.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// Not every visible chunk is a point afterwards.
    #[error("the index has {points} points after the rebuild, {expected} were written")]
    Incomplete {
        /// Points counted.
        points: u64,
        /// Points written.
        expected: u64,
    },
}

/// Whether the index lacks chunks that searches should find. More points than visible chunks are no reason: those of
/// a generation not yet visible, or waiting for their removal.
pub async fn needs_rebuild(pool: &PgPool, stats: IndexStats) -> Result<bool, sqlx::Error> {
    let visible = visible_chunks(pool).await?;
    Ok(stats.points < visible)
}

async fn visible_chunks(pool: &PgPool) -> Result<u64, sqlx::Error> {
    let visible = sqlx::query_scalar!(
        r#"select count(*) as "count!" from chunks c
           join documents d on d.id = c.document_id and d.visible_generation = c.generation"#
    )
    .fetch_one(pool)
    .await?;
    Ok(visible.unsigned_abs())
}

/// The title that a document's sparse vectors are made with: that of its first reader by UID, so that indexing and
/// rebuilding agree; empty without readers.
pub async fn sparse_title(
    connection: &mut PgConnection,
    document: DocumentId,
) -> Result<String, sqlx::Error> {
    let title = sqlx::query_scalar!(
        r#"select title from document_readers where document_id = $1 order by uid collate "C" limit 1"#,
        document.0
    )
    .fetch_optional(connection)
    .await?;
    Ok(title.unwrap_or_default())
}

/// Empties the index and writes every visible chunk into it, with its dense vector if it has one of `dimension`.
/// `progress` hears the points written so far and the number expected. Nobody else should write meanwhile.
pub async fn rebuild(
    pool: &PgPool,
    index: &dyn VectorIndex,
    dimension: Option<usize>,
    encoder: &SparseEncoder,
    progress: &(dyn Fn(u64, u64) + Send + Sync),
) -> Result<RebuildReport, RebuildError> {
    let expected = visible_chunks(pool).await?;
    index.clear().await?;
    let mut report = RebuildReport { points: 0, dense: 0 };
    let mut after = i64::MIN;
    progress(0, expected);
    loop {
        let mut documents = read_documents(pool, after).await?;
        let Some(last) = documents.iter().map(|document| document.id).max() else {
            break;
        };
        after = last;
        recognise(pool, &mut documents).await?;
        let points = points_of(pool, &documents, dimension, encoder).await?;
        report.points += points.len() as u64;
        report.dense += points.iter().filter(|point| point.dense.is_some()).count() as u64;
        index.upsert(points).await?;
        progress(report.points, expected);
    }
    let points = index.stats().await?.points;
    if points != report.points {
        return Err(RebuildError::Incomplete {
            points,
            expected: report.points,
        });
    }
    Ok(report)
}

/// A document of a page.
struct DocumentRow {
    id: i64,
    access_set: Option<i64>,
    title: Option<String>,
    text: String,
    language: Option<String>,
}

/// The next documents in order of their ids, as many as [`PAGE_CHUNKS`] allow.
async fn read_documents(pool: &PgPool, after: i64) -> Result<Vec<DocumentRow>, sqlx::Error> {
    sqlx::query_as!(
        DocumentRow,
        r#"select d.id as "id!", coalesce(d.access_set_id, d.indexed_access_set_id) as access_set, t.text as "text!",
             d.language,
             (select title from document_readers r where r.document_id = d.id order by uid collate "C" limit 1) as title
           from (
             select p.*, sum(p.chunk_count) over (order by p.id) - p.chunk_count as before
             from (
               select id, visible_generation, access_set_id, indexed_access_set_id, chunk_count, language from documents
               where id > $1 and visible_generation > 0 order by id limit $2
             ) p
           ) d
           join document_texts t on t.document_id = d.id and t.generation = d.visible_generation
           where d.before < $2
           order by d.id"#,
        after,
        PAGE_CHUNKS
    )
    .fetch_all(pool)
    .await
}

/// Recognises and stores the languages that are not known: documents indexed by an older version have none.
async fn recognise(pool: &PgPool, documents: &mut [DocumentRow]) -> Result<(), sqlx::Error> {
    let mut ids = Vec::new();
    let mut codes = Vec::new();
    for document in documents
        .iter_mut()
        .filter(|document| document.language.is_none())
    {
        if let Some(code) = language::detect(&document.text).map(Language::code) {
            document.language = Some(code.to_owned());
            ids.push(document.id);
            codes.push(code.to_owned());
        }
    }
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "update documents d set language = i.language from unnest($1::bigint[], $2::text[]) as i (id, language)
         where d.id = i.id",
        &ids,
        &codes
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// A chunk of a page.
struct ChunkRow {
    id: i64,
    document_id: i64,
    start_offset: i32,
    end_offset: i32,
    heading_path: Vec<String>,
    dense: Option<Vec<u8>>,
}

async fn points_of(
    pool: &PgPool,
    documents: &[DocumentRow],
    dimension: Option<usize>,
    encoder: &SparseEncoder,
) -> Result<Vec<Point>, RebuildError> {
    let ids: Vec<i64> = documents.iter().map(|document| document.id).collect();
    let chunks = sqlx::query_as!(
        ChunkRow,
        "select c.id, c.document_id, c.start_offset, c.end_offset, c.heading_path, c.dense from chunks c
         join documents d on d.id = c.document_id and d.visible_generation = c.generation
         where d.id = any($1) order by c.document_id, c.ordinal",
        &ids
    )
    .fetch_all(pool)
    .await?;
    let by_id: HashMap<i64, &DocumentRow> =
        documents.iter().map(|document| (document.id, document)).collect();
    let mut points = Vec::with_capacity(chunks.len());
    let mut cursor = Cursor::default();
    for (count, chunk) in chunks.into_iter().enumerate() {
        if count % ENCODED_PER_TURN == 0 {
            tokio::task::yield_now().await;
        }
        let Some(document) = by_id.get(&chunk.document_id) else {
            continue;
        };
        let passage = cursor.passage(document, chunk.start_offset, chunk.end_offset);
        let title = document.title.as_deref().unwrap_or_default();
        let language = document.language.as_deref().and_then(Language::from_code);
        let dense = chunk.dense.as_deref().and_then(half::decode);
        points.push(Point {
            chunk: ChunkId(chunk.id),
            document: DocumentId(document.id),
            access_set: AccessSetId(document.access_set.unwrap_or(NOBODY)),
            sparse: encoder.document(title, &chunk.heading_path, passage, language),
            dense: dense.filter(|vector| Some(vector.len()) == dimension),
        });
    }
    Ok(points)
}

/// Finds code points in a text going forward, so that a large document is walked once.
#[derive(Default)]
struct Cursor {
    document: i64,
    byte: usize,
    code_point: usize,
}

impl Cursor {
    fn passage<'t>(&mut self, document: &'t DocumentRow, start: i32, end: i32) -> &'t str {
        let start = usize::try_from(start).unwrap_or(0);
        let end = usize::try_from(end).unwrap_or(0);
        if self.document != document.id || self.code_point > start {
            *self = Self {
                document: document.id,
                byte: 0,
                code_point: 0,
            };
        }
        let text = document.text.as_str();
        let from = self.advance(text, start);
        let to = self.advance(text, end.max(start));
        &text[from..to]
    }

    fn advance(&mut self, text: &str, code_point: usize) -> usize {
        let rest = &text[self.byte..];
        let skip = code_point.saturating_sub(self.code_point);
        let bytes = rest.char_indices().nth(skip).map_or(rest.len(), |(at, _)| at);
        self.code_point = code_point;
        self.byte += bytes;
        self.byte
    }
}

#[cfg(test)]
mod tests;

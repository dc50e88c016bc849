//! Storing a document's new chunks and making them visible.
//!
//! Three steps, each of which may be the last before a crash: the chunks of a new generation are stored (not
//! visible), their points are written to the index, and one transaction switches the visible generation and leaves
//! tombstones for the old one. A generation that never became visible is cleaned up by whoever holds the document
//! next.

use super::claim::Claimed;
use super::prepare::PreparedChunk;
use super::{SyncError, tombstones};
use crate::ids::{AccessSetId, ChunkId};
use crate::index::{Language, Point, VectorIndex, half, language};
use crate::telemetry::record;
use chrono::{DateTime, Utc};
use sqlx::PgPool;

/// Points handed to the index at one time.
const POINTS: usize = 500;

/// A generation that is stored and not visible yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    generation: i64,
    access_set: AccessSetId,
    points: Vec<Point>,
    dense: usize,
    /// As the points were made with.
    language: Option<Language>,
    page_count: Option<i32>,
}

/// Stores text (with the number of its pages) and chunks as a new generation. Dense vectors of passages that did not
/// change are carried over.
pub async fn stage(
    pool: &PgPool,
    document: &Claimed,
    (text, page_count): (&str, Option<i32>),
    chunks: Vec<PreparedChunk>,
    now: DateTime<Utc>,
) -> Result<Staged, SyncError> {
    let mut tx = pool.begin().await?;
    let row = sqlx::query!(
        r#"select visible_generation, access_set_id as "access_set: AccessSetId" from documents
           where id = $1 and lease_generation = $2 and state = 'pending' for update"#,
        document.id.0,
        document.lease_generation
    )
    .fetch_optional(&mut *tx)
    .await?
    .ok_or(SyncError::LeaseLost)?;
    // Without readers there is nobody to index for; the scan that took the last one away deletes the document.
    let access_set = row.access_set.ok_or(SyncError::LeaseLost)?;
    tombstones::retire_hidden_generations(&mut tx, &[document.id.0], now).await?;
    // The lease generation grows with every claim, so it is above every generation that was ever stored.
    let generation = document.lease_generation.max(row.visible_generation + 1);
    sqlx::query!(
        "insert into document_texts (document_id, generation, text) values ($1, $2, $3)",
        document.id.0,
        generation,
        text
    )
    .execute(&mut *tx)
    .await?;
    let mut columns = Columns::default();
    for chunk in &chunks {
        columns.push(chunk)?;
    }
    let mut stored = sqlx::query!(
        r#"insert into chunks (document_id, generation, ordinal, start_offset, end_offset, heading_path, text_hash,
                                 page_number, dense)
           select $1, $2, i.ordinal, i.first, i.last, array(select jsonb_array_elements_text(i.headings)), i.hash,
                  i.page, o.dense
           from unnest($3::int[], $4::int[], $5::int[], $6::jsonb[], $7::bytea[], $9::int[])
                as i (ordinal, first, last, headings, hash, page)
           left join (select distinct on (text_hash) text_hash, dense from chunks
                      where document_id = $1 and generation = $8 and dense is not null and not $10
                      order by text_hash, id) o
                on o.text_hash = i.hash
           returning id as "id: ChunkId", ordinal, dense"#,
        document.id.0,
        generation,
        &columns.ordinal,
        &columns.start,
        &columns.end,
        &columns.headings,
        &columns.hash,
        row.visible_generation,
        &columns.page as &[Option<i32>],
        document.keyword_only
    )
    .fetch_all(&mut *tx)
    .await?;
    tx.commit().await?;
    stored.sort_by_key(|row| row.ordinal);
    let dense = stored.iter().filter(|row| row.dense.is_some()).count();
    let points = stored
        .into_iter()
        .zip(chunks)
        .map(|(row, chunk)| Point {
            chunk: row.id,
            document: document.id,
            access_set,
            sparse: chunk.sparse,
            dense: row.dense.as_deref().and_then(half::decode),
        })
        .collect();
    Ok(Staged {
        generation,
        access_set,
        points,
        dense,
        language: language::detect(text),
        page_count,
    })
}

/// The columns of a document's chunks, as UNNEST takes them.
#[derive(Default)]
struct Columns {
    ordinal: Vec<i32>,
    start: Vec<i32>,
    end: Vec<i32>,
    headings: Vec<serde_json::Value>,
    hash: Vec<Vec<u8>>,
    page: Vec<Option<i32>>,
}

impl Columns {
    fn push(&mut self, chunk: &PreparedChunk) -> Result<(), SyncError> {
        let ordinal = i32::try_from(self.ordinal.len())
            .map_err(|error| SyncError::from(sqlx::Error::Encode(Box::new(error))))?;
        self.ordinal.push(ordinal);
        self.start.push(chunk.start);
        self.end.push(chunk.end);
        self.headings
            .push(serde_json::Value::from(chunk.heading_path.clone()));
        self.hash.push(chunk.text_hash.clone());
        self.page.push(chunk.page);
        Ok(())
    }
}

/// Writes the points and switches the visible generation.
pub async fn publish(
    pool: &PgPool,
    index: &dyn VectorIndex,
    document: &Claimed,
    staged: Staged,
    content_hash: &[u8],
    with_dense: bool,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    let total = staged.points.len();
    let mut points = staged.points.into_iter().peekable();
    while points.peek().is_some() {
        index.upsert(points.by_ref().take(POINTS).collect()).await?;
    }
    let complete = !with_dense || staged.dense == total;
    let mut tx = pool.begin().await?;
    let switched = sqlx::query!(
        "update documents set visible_generation = $3, chunk_count = $4, dense_chunk_count = $5, content_hash = $6,
                indexed_etag = $7, indexed_access_set_id = $8,
                state = case when etag <> $7 then state when $9 then 'indexed' else 'searchable' end,
                attempts = case when etag <> $7 then attempts else 0 end,
                reason = null, due_at = $10::timestamptz, lease_until = null, state_changed_at = $10::timestamptz, text_indexed_at = $10::timestamptz,
                dense_indexed_at = case when $9 and $5 > 0 then $10::timestamptz end, language = $11,
                page_count = $12
         where id = $1 and lease_generation = $2 and state = 'pending'",
        document.id.0,
        document.lease_generation,
        staged.generation,
        i32::try_from(total).unwrap_or(i32::MAX),
        i32::try_from(staged.dense).unwrap_or(i32::MAX),
        content_hash,
        document.etag,
        staged.access_set.0,
        complete,
        now,
        staged.language.map(Language::code),
        staged.page_count
    )
    .execute(&mut *tx)
    .await?;
    if switched.rows_affected() == 0 {
        return Err(SyncError::LeaseLost);
    }
    tombstones::retire_hidden_generations(&mut tx, &[document.id.0], now).await?;
    tx.commit().await?;
    record::document("text", "published");
    Ok(())
}

/// Notes that a new version has the content that is visible already.
pub async fn confirm_same(
    pool: &PgPool,
    document: &Claimed,
    with_dense: bool,
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    let mut tx = pool.begin().await?;
    sqlx::query!(
        "update documents set indexed_etag = $3, reason = null, lease_until = null, due_at = $5, state_changed_at = $5,
                attempts = case when etag <> $3 then attempts else 0 end,
                state = case when etag <> $3 then state
                             when not $4 or dense_chunk_count >= chunk_count then 'indexed' else 'searchable' end
         where id = $1 and lease_generation = $2 and state = 'pending'",
        document.id.0,
        document.lease_generation,
        document.etag,
        with_dense,
        now
    )
    .execute(&mut *tx)
    .await?;
    tombstones::retire_hidden_generations(&mut tx, &[document.id.0], now).await?;
    tx.commit().await?;
    Ok(())
}

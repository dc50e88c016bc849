//! Points that must still leave the index.
//!
//! A tombstone is written in the transaction that removes the chunk and goes only after the index has confirmed
//! the deletion, so a deletion is never forgotten, however long the index is away.

use super::SyncError;
use crate::ids::ChunkId;
use crate::index::VectorIndex;
use chrono::{DateTime, Utc};
use sqlx::{PgConnection, PgPool};

/// Deletions handed to the index at one time.
const BATCH: i64 = 1_000;

/// Removes the chunks and texts of documents, apart from the generation that stays visible, and leaves tombstones.
/// A document whose `visible_generation` is 0 loses everything.
pub async fn retire_hidden_generations(
    conn: &mut PgConnection,
    documents: &[i64],
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    sqlx::query!(
        "with gone as (
             delete from chunks c using documents d
             where d.id = any($1) and c.document_id = d.id and c.generation <> d.visible_generation
             returning c.id)
         insert into index_tombstones (chunk_id, created_at) select id, $2 from gone on conflict do nothing",
        documents,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "delete from document_texts t using documents d
         where d.id = any($1) and t.document_id = d.id and t.generation <> d.visible_generation",
        documents
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Deletes documents with all they own; their points get tombstones.
pub async fn delete_documents(
    conn: &mut PgConnection,
    documents: &[i64],
    now: DateTime<Utc>,
) -> Result<(), SyncError> {
    sqlx::query!(
        "insert into index_tombstones (chunk_id, created_at)
         select id, $2 from chunks where document_id = any($1) on conflict do nothing",
        documents,
        now
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("delete from documents where id = any($1)", documents)
        .execute(conn)
        .await?;
    Ok(())
}

/// Carries tombstones out; returns how many. Stops at the first failure of the index and keeps the rest.
pub async fn carry_out(pool: &PgPool, index: &dyn VectorIndex) -> Result<usize, SyncError> {
    let mut done = 0;
    loop {
        let batch = sqlx::query_scalar!(
            r#"select chunk_id as "id: ChunkId" from index_tombstones order by created_at, chunk_id limit $1"#,
            BATCH
        )
        .fetch_all(pool)
        .await?;
        if batch.is_empty() {
            return Ok(done);
        }
        index.delete(&batch).await?;
        let ids: Vec<i64> = batch.iter().map(|chunk| chunk.0).collect();
        sqlx::query!("delete from index_tombstones where chunk_id = any($1)", &ids)
            .execute(pool)
            .await?;
        done += batch.len();
    }
}

//! Phase 2: dense vectors, at lower priority. Every batch is kept, whatever happens to the next one.

use super::claim::{self, Claimed, Phase};
use super::failure::{self, Verdict};
use super::prepare::Cursor;
use super::{SyncEngine, SyncError};
use crate::ids::{ChunkId, DocumentId};
use crate::index::{self, Embedder, EmbeddingError, Priority, half};
use chrono::TimeDelta;
use std::collections::HashMap;

/// Users served in one turn.
const USERS_PER_TURN: i64 = 4;

/// Documents of one user in one turn.
const DOCUMENTS_PER_USER: i64 = 8;

/// Passages embedded at one time.
const BATCH: i64 = 32;

/// Batches of one turn; a longer document goes on in a later turn.
const BATCHES_PER_TURN: usize = 8;

/// While the model itself cannot be used.
const MODEL_DELAY: TimeDelta = TimeDelta::minutes(5);

/// While the service that embeds is away.
const SERVICE_DELAY: TimeDelta = TimeDelta::minutes(1);

/// A passage without a dense vector.
struct Passage {
    chunk: ChunkId,
    document: DocumentId,
    text: String,
}

/// Embeds passages of the users who waited longest. Returns how many passages got a vector or documents a verdict.
pub async fn turn(engine: &SyncEngine) -> Result<usize, SyncError> {
    let Some(embedder) = engine.embedder.as_deref() else {
        return Ok(0);
    };
    if engine.is_stopping() {
        return Ok(0);
    }
    let now = engine.clock.now();
    let mut documents = Vec::new();
    for user in claim::users_due(&engine.pool, Phase::Dense, USERS_PER_TURN, now).await? {
        documents
            .extend(claim::claim(&engine.pool, Phase::Dense, &user, None, DOCUMENTS_PER_USER, now).await?);
    }
    if documents.is_empty() {
        return Ok(0);
    }
    let held = documents.clone();
    let worked = work_on(engine, embedder, documents).await;
    if worked.is_err() {
        engine.interrupted(&held);
    }
    worked
}

/// A few batches of passages of `documents`.
async fn work_on(
    engine: &SyncEngine,
    embedder: &dyn Embedder,
    mut documents: Vec<Claimed>,
) -> Result<usize, SyncError> {
    let mut done = 0;
    for _ in 0..BATCHES_PER_TURN {
        if engine.is_stopping() {
            break;
        }
        let ids: Vec<i64> = documents.iter().map(|document| document.id.0).collect();
        let passages = missing(engine, &ids).await?;
        if passages.is_empty() {
            break;
        }
        let count = passages.len();
        match embed(engine, embedder, passages).await {
            Ok(()) => done += count,
            Err(SyncError::Embedding(error)) => {
                done += one_by_one(engine, embedder, &mut documents, &error).await?;
                break;
            }
            Err(SyncError::Index(error)) => {
                tracing::warn!(%error, "the index refused dense vectors");
                let later = engine.clock.now() + TimeDelta::seconds(15);
                for document in documents.drain(..) {
                    let now = engine.clock.now();
                    let verdict = Verdict::Delayed(later);
                    failure::record(
                        &engine.pool,
                        &document,
                        verdict,
                        "the index is not available",
                        now,
                    )
                    .await?;
                }
                return Ok(done);
            }
            Err(error) => return Err(error),
        }
    }
    settle(engine, &documents).await?;
    Ok(done.max(1))
}

/// Up to [`BATCH`] passages of the documents that lack a vector.
async fn missing(engine: &SyncEngine, documents: &[i64]) -> Result<Vec<Passage>, SyncError> {
    let mut conn = engine.pool.acquire().await?;
    let rows = sqlx::query!(
        r#"select c.id as "chunk: ChunkId", c.document_id as "document: DocumentId", c.start_offset, c.end_offset,
                  c.heading_path
           from chunks c join documents d on d.id = c.document_id and d.visible_generation = c.generation
           where c.document_id = any($1) and c.dense is null and not d.keyword_only
           order by c.document_id, c.ordinal limit $2"#,
        documents,
        BATCH
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut wanted: Vec<i64> = rows.iter().map(|row| row.document.0).collect();
    wanted.dedup();
    let texts = sqlx::query!(
        r#"select t.document_id as "document: DocumentId", t.text from document_texts t
           join documents d on d.id = t.document_id and d.visible_generation = t.generation
           where t.document_id = any($1)"#,
        &wanted
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut titles = HashMap::new();
    for id in &wanted {
        titles.insert(
            DocumentId(*id),
            index::sparse_title(&mut conn, DocumentId(*id)).await?,
        );
    }
    let mut cursors: HashMap<DocumentId, Cursor<'_>> = texts
        .iter()
        .map(|row| (row.document, Cursor::new(&row.text)))
        .collect();
    let mut passages = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(cursor), Some(title)) = (cursors.get_mut(&row.document), titles.get(&row.document)) else {
            continue;
        };
        let start = usize::try_from(row.start_offset).unwrap_or_default();
        let end = usize::try_from(row.end_offset).unwrap_or_default();
        let text = engine
            .chunker
            .embedding_text(title, &row.heading_path, cursor.slice(start, end));
        passages.push(Passage {
            chunk: row.chunk,
            document: row.document,
            text,
        });
    }
    Ok(passages)
}

/// Embeds passages and keeps the vectors: first in the index, then in `PostgreSQL`, so that what stands here is
/// always there too.
async fn embed(
    engine: &SyncEngine,
    embedder: &dyn Embedder,
    passages: Vec<Passage>,
) -> Result<(), SyncError> {
    let (keys, texts): (Vec<(ChunkId, DocumentId)>, Vec<String>) = passages
        .into_iter()
        .map(|passage| ((passage.chunk, passage.document), passage.text))
        .unzip();
    let vectors = embedder.embed(texts, Priority::Background).await?;
    if vectors.len() != keys.len() {
        return Err(EmbeddingError::Inference("the model answered another number of vectors".into()).into());
    }
    let chunks: Vec<i64> = keys.iter().map(|(chunk, _)| chunk.0).collect();
    let documents: Vec<i64> = keys.iter().map(|(_, document)| document.0).collect();
    let stored: Vec<Vec<u8>> = vectors.iter().map(|vector| half::encode(vector)).collect();
    engine
        .index
        .set_dense(keys.into_iter().map(|(chunk, _)| chunk).zip(vectors).collect())
        .await?;
    let mut tx = engine.pool.begin().await?;
    sqlx::query!(
        "update chunks c set dense = v.dense from unnest($1::bigint[], $2::bytea[]) as v (id, dense) where c.id = v.id",
        &chunks,
        &stored
    )
    .execute(&mut *tx)
    .await?;
    sqlx::query!(
        "update documents d set dense_chunk_count = least(d.chunk_count, d.dense_chunk_count + n.count::int)
         from (select id, count(*) as count from unnest($1::bigint[]) as i (id) group by id) n where d.id = n.id",
        &documents
    )
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(())
}

/// A batch failed: each document is tried alone, so that only the one at fault pays. Returns the verdicts.
async fn one_by_one(
    engine: &SyncEngine,
    embedder: &dyn Embedder,
    documents: &mut Vec<Claimed>,
    batch_error: &EmbeddingError,
) -> Result<usize, SyncError> {
    let mut verdicts = 0;
    let mut rest = Vec::new();
    for document in documents.drain(..) {
        let result = match batch_error {
            EmbeddingError::Model(reason) => Err(EmbeddingError::Model(reason.clone()).into()),
            EmbeddingError::Unavailable(reason) => Err(EmbeddingError::Unavailable(reason.clone()).into()),
            EmbeddingError::Inference(_) => {
                let passages = missing(engine, &[document.id.0]).await?;
                if passages.is_empty() {
                    Ok(())
                } else {
                    embed(engine, embedder, passages).await
                }
            }
        };
        match result {
            Ok(()) => rest.push(document),
            Err(SyncError::Embedding(error)) => {
                let now = engine.clock.now();
                failure::record(
                    &engine.pool,
                    &document,
                    verdict(engine, &document, &error),
                    &error.to_string(),
                    now,
                )
                .await?;
                verdicts += 1;
            }
            Err(error) => return Err(error),
        }
    }
    *documents = rest;
    Ok(verdicts)
}

fn verdict(engine: &SyncEngine, document: &Claimed, error: &EmbeddingError) -> Verdict {
    let now = engine.clock.now();
    let attempt = document.attempts + 1;
    match error {
        EmbeddingError::Model(_) => Verdict::Delayed(now + MODEL_DELAY),
        // No document is at fault.
        EmbeddingError::Unavailable(_) => Verdict::Delayed(now + SERVICE_DELAY),
        EmbeddingError::Inference(_) if i64::from(attempt) >= i64::from(engine.config.max_index_failures) => {
            Verdict::Dead
        }
        EmbeddingError::Inference(_) => {
            Verdict::Retried(now + failure::retry_delay(attempt, &engine.entropy))
        }
    }
}

/// Documents with all vectors are complete; the others go back to the queue.
async fn settle(engine: &SyncEngine, documents: &[Claimed]) -> Result<(), SyncError> {
    let ids: Vec<i64> = documents.iter().map(|document| document.id.0).collect();
    let leases: Vec<i64> = documents
        .iter()
        .map(|document| document.lease_generation)
        .collect();
    sqlx::query!(
        "update documents d set lease_until = null,
                state = case when l.complete then 'indexed' else d.state end,
                reason = case when l.complete then null else d.reason end,
                attempts = case when l.complete then 0 else d.attempts end,
                dense_chunk_count = case when l.complete and not d.keyword_only then d.chunk_count else d.dense_chunk_count end,
                state_changed_at = case when l.complete then $3 else d.state_changed_at end,
                dense_indexed_at = case when l.complete then $3 else d.dense_indexed_at end
         from (select k.id, k.lease, not exists (
                   select from chunks c join documents e on e.id = c.document_id and e.visible_generation = c.generation
                   where c.document_id = k.id and c.dense is null and not e.keyword_only) as complete
               from unnest($1::bigint[], $2::bigint[]) as k (id, lease)) l
         where d.id = l.id and d.lease_generation = l.lease and d.state = 'searchable'",
        &ids,
        &leases,
        engine.clock.now()
    )
    .execute(&engine.pool)
    .await?;
    // What changed meanwhile waits for phase 1, and not for the end of this lease.
    sqlx::query!(
        "update documents d set lease_until = null from unnest($1::bigint[], $2::bigint[]) as k (id, lease)
         where d.id = k.id and d.lease_generation = k.lease and d.state <> 'searchable' and d.lease_until is not null",
        &ids,
        &leases
    )
    .execute(&engine.pool)
    .await?;
    Ok(())
}

//! Phase 1 of one document: read, cut, stored, published.

use super::claim::{self, Claimed};
use super::failure::{self, Verdict};
use super::prepare::{self, Prepared, Raw};
use super::sources::Content;
use super::text::{self, Reading};
use super::text_failures::{document_failed, fetch_failed};
use super::{Remote, SyncEngine, SyncError, publish};
use crate::documents::ExtractedText;
use crate::ids::UserId;
use crate::index;
use chrono::TimeDelta;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// While no child process can be started, or the OCR service does not answer.
const HELPER_DELAY: TimeDelta = TimeDelta::seconds(60);

/// Until a document of a source that this process does not have is looked at again.
const UNKNOWN_SOURCE_DELAY: TimeDelta = TimeDelta::hours(1);

/// A document to work on, with its content where it came in bulk.
pub(super) struct Job {
    /// What to index.
    pub(super) document: Claimed,
    /// In whose name.
    pub(super) user: UserId,
    /// What this user sees.
    pub(super) remote: Arc<dyn Remote>,
    /// The content, where it came in bulk.
    pub(super) content: Option<Content>,
    /// Nextcloud refused the user in this turn: one shared by all of the user's jobs, none of which may ask again.
    pub(super) refused: Arc<AtomicBool>,
}

/// Works on one document, or gives it back when the server stops or the user was refused.
pub(super) async fn work(engine: &SyncEngine, job: Job) -> Result<(), SyncError> {
    let refused = job.content.is_none() && job.refused.load(Ordering::SeqCst);
    if engine.is_stopping() || refused {
        return claim::release(&mut *engine.pool.acquire().await?, &job.document).await;
    }
    let document = &job.document;
    let now = || engine.clock.now();
    let Some(source) = engine.source_of(&document.family) else {
        // Left by another version of this server; nothing is known about the document.
        let later = Verdict::Delayed(now() + UNKNOWN_SOURCE_DELAY);
        let reason = "this server does not read its source";
        return failure::record(&engine.pool, document, later, reason, now()).await;
    };
    match text::read(engine, source, &job).await? {
        Reading::Text(extracted) => match store(engine, document, extracted).await {
            Err(SyncError::Index(error)) => {
                // The index is away: nothing is wrong with the document.
                tracing::warn!(%error, "the index refused new points");
                let later = Verdict::Delayed(now() + TimeDelta::seconds(15));
                let reason = "the index is not available";
                failure::record(&engine.pool, document, later, reason, now()).await
            }
            other => other,
        },
        Reading::Skipped(reason) => failure::skip(&engine.pool, document, reason.as_str(), now()).await,
        Reading::Faulty(fault) => {
            // It would do the same to the next process.
            failure::record(&engine.pool, document, Verdict::Dead, &fault.to_string(), now()).await
        }
        Reading::Refused(error) => fetch_failed(engine, &job, source, &error).await,
        Reading::Failed(reason) => document_failed(engine, document, &reason).await,
        Reading::Later(reason) => {
            tracing::warn!(reason, "a document is read later");
            let later = Verdict::Delayed(now() + HELPER_DELAY);
            failure::record(&engine.pool, document, later, &reason, now()).await
        }
    }
}

/// Cuts, stores and publishes.
async fn store(engine: &SyncEngine, document: &Claimed, extracted: ExtractedText) -> Result<(), SyncError> {
    let title = index::sparse_title(&mut *engine.pool.acquire().await?, document.id).await?;
    let raw = Raw {
        extracted,
        title,
        visible_hash: document
            .content_hash
            .clone()
            .filter(|_| document.visible_generation > 0),
    };
    let prepared = prepare::prepare(&engine.chunker, &engine.sparse, raw).await;
    let now = engine.clock.now();
    let with_dense = engine.embedder.is_some() && !document.keyword_only;
    match prepared {
        None => document_failed(engine, document, "its text could not be cut into passages").await,
        Some(Prepared::Skipped(reason)) => failure::skip(&engine.pool, document, reason, now).await,
        Some(Prepared::Same) => publish::confirm_same(&engine.pool, document, with_dense, now).await,
        Some(Prepared::Text {
            text,
            content_hash,
            chunks,
            page_count,
        }) => {
            let staged = publish::stage(&engine.pool, document, (&text, page_count), chunks, now).await?;
            publish::publish(
                &engine.pool,
                &*engine.index,
                document,
                staged,
                &content_hash,
                with_dense,
                now,
            )
            .await
        }
    }
}

//! Phase 1: text, chunks and sparse vectors, so that keyword search works within seconds.

use super::claim::{self, Claimed, Phase};
use super::failure::{self, Verdict};
use super::prepare::{self, Prepared, Raw};
use super::sources::{self, Content, Source, WantedItem};
use super::users::{self, PauseReason};
use super::{Remote, SyncEngine, SyncError, publish};
use crate::auth::CredentialError;
use crate::ids::UserId;
use crate::index;
use crate::nextcloud::NextcloudError;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Users served in one turn.
const USERS_PER_TURN: i64 = 4;

/// Documents of one user in one turn: few, so that nobody waits long for a user with many.
const DOCUMENTS_PER_USER: i64 = 8;

/// Pages of a bulk fetch looked through in one turn before another user is served.
const PAGES_PER_TURN: usize = 5;

/// After all pages were seen, what is still wanted is fetched one by one for this long.
const SWEEP_REST: TimeDelta = TimeDelta::minutes(10);

/// While nobody can tell whether a user's credential is good.
const CREDENTIAL_DELAY: TimeDelta = TimeDelta::minutes(1);

/// How far the bulk fetch of a user's notes has come. Lost at a restart, which only costs reading pages again.
#[derive(Debug, Clone, PartialEq)]
pub enum Sweep {
    /// Next cursor; `None` at the beginning.
    Running(Option<String>),
    /// All pages were seen; not again before this time.
    Rested(DateTime<Utc>),
}

/// A document to work on, with its content where it came in bulk.
struct Job {
    document: Claimed,
    user: UserId,
    remote: Arc<dyn Remote>,
    content: Option<Bytes>,
    /// Nextcloud refused the user in this turn: one shared by all of the user's jobs, none of which may ask again.
    refused: Arc<AtomicBool>,
}

/// What one turn took from the queue.
#[derive(Default)]
struct Taken {
    /// One job per user, to be done before the others: a refused credential costs one request.
    first: Vec<Job>,
    /// The others.
    rest: Vec<Job>,
    /// Users for whom something was done without a document.
    served: usize,
}

/// Serves the users who waited longest, a few documents each. Returns how many documents were worked on, or at least
/// how many users were served; 0 = nothing is due.
pub async fn turn(engine: &SyncEngine) -> Result<usize, SyncError> {
    let users = claim::users_due(&engine.pool, Phase::Text, USERS_PER_TURN, engine.clock.now()).await?;
    let mut taken = Taken::default();
    for user in users {
        if engine.is_stopping() {
            break;
        }
        if let Err(error) = serve(engine, &user, &mut taken).await {
            engine.interrupted(taken.first.iter().chain(&taken.rest).map(|job| &job.document));
            engine.free_interrupted().await?;
            return Err(error);
        }
    }
    let count = taken.first.len() + taken.rest.len() + taken.served;
    let held: Vec<Claimed> = taken
        .first
        .iter()
        .chain(&taken.rest)
        .map(|job| job.document.clone())
        .collect();
    let first = work_on(engine, taken.first).await;
    let rest = work_on(engine, taken.rest).await;
    if let Err(error) = first.and(rest) {
        engine.interrupted(&held);
        return Err(error);
    }
    Ok(count)
}

/// Takes documents of one user, or sees why there can be none.
async fn serve(engine: &SyncEngine, user: &UserId, taken: &mut Taken) -> Result<(), SyncError> {
    let now = engine.clock.now();
    match engine.remotes.open(user).await {
        Ok(remote) => {
            let (jobs, swept) = take(engine, user, &remote).await?;
            if jobs.is_empty() && swept {
                taken.served += 1;
            }
            let mut jobs = jobs.into_iter();
            taken.first.extend(jobs.next());
            taken.rest.extend(jobs);
            return Ok(());
        }
        Err(error @ CredentialError::Database(_)) => return Err(error.into()),
        Err(error @ CredentialError::Temporary(_)) => {
            tracing::debug!(%error, "a user is served later");
            claim::put_off(&engine.pool, Phase::Text, user, now + CREDENTIAL_DELAY, now).await?;
        }
        Err(CredentialError::NotProvisioned | CredentialError::Unusable(_)) => {
            users::pause(&engine.pool, user, PauseReason::NoCredential, now).await?;
        }
    }
    taken.served += 1;
    Ok(())
}

/// Works on documents side by side. All of them are tried; the first failure is returned.
async fn work_on(engine: &SyncEngine, jobs: Vec<Job>) -> Result<(), SyncError> {
    let source = engine.files();
    let results: Vec<Result<(), SyncError>> = futures::stream::iter(jobs)
        .map(|job| work(engine, source, job))
        .buffer_unordered(engine.config.workers.max(1))
        .collect()
        .await;
    for result in results {
        match result {
            Ok(()) | Err(SyncError::LeaseLost) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Claims documents of one user, and whether the bulk fetch went on, which may find nothing.
async fn take(
    engine: &SyncEngine,
    user: &UserId,
    remote: &Arc<dyn Remote>,
) -> Result<(Vec<Job>, bool), SyncError> {
    let refused = Arc::new(AtomicBool::new(false));
    let job = |document, content| Job {
        document,
        user: user.clone(),
        remote: Arc::clone(remote),
        content,
        refused: Arc::clone(&refused),
    };
    if let Some(start) = sweep_due(engine, user).await? {
        match sweep(engine, user, &**remote, start).await {
            Ok(found) => {
                let jobs = found
                    .into_iter()
                    .map(|(document, content)| job(document, Some(content)))
                    .collect();
                return Ok((jobs, true));
            }
            Err(SyncError::Nextcloud(
                error @ (NextcloudError::Unauthorized | NextcloudError::AccountDisabled),
            )) => {
                user_refused(engine, user, &error).await?;
                return Ok((Vec::new(), true));
            }
            Err(SyncError::Nextcloud(error)) => {
                // The single fetches meet the same error and judge it.
                tracing::debug!(%error, "the bulk fetch of notes failed");
                engine.set_sweep(user, Sweep::Rested(engine.clock.now() + SWEEP_REST));
            }
            Err(error) => return Err(error),
        }
    }
    let now = engine.clock.now();
    let documents = claim::claim(&engine.pool, Phase::Text, user, None, DOCUMENTS_PER_USER, now).await?;
    let jobs = documents
        .into_iter()
        .map(|document| job(document, None))
        .collect();
    Ok((jobs, false))
}

/// Where to go on with the bulk fetch, when it pays.
async fn sweep_due(engine: &SyncEngine, user: &UserId) -> Result<Option<Option<String>>, SyncError> {
    let now = engine.clock.now();
    match engine.sweep(user) {
        Some(Sweep::Running(cursor)) => return Ok(Some(cursor)),
        Some(Sweep::Rested(until)) if until > now => return Ok(None),
        _ => {}
    }
    let counts = sqlx::query!(
        r#"select count(*) filter (where d.state = 'pending' and d.queue_uid = $1 and d.due_at <= $2
                                   and (d.lease_until is null or d.lease_until < $2)) as "wanted!",
                  count(*) as "total!"
           from document_readers r join documents d on d.id = r.document_id
           where r.uid = $1 and r.doc_type = 'note'"#,
        user.as_str(),
        now
    )
    .fetch_one(&engine.pool)
    .await?;
    Ok(sources::bulk_pays(counts.wanted, counts.total).then_some(None))
}

/// Reads pages until one holds wanted notes.
async fn sweep(
    engine: &SyncEngine,
    user: &UserId,
    remote: &dyn Remote,
    start: Option<String>,
) -> Result<Vec<(Claimed, Bytes)>, SyncError> {
    let mut cursor = start;
    for _ in 0..PAGES_PER_TURN {
        let page = sources::bulk_page(remote, cursor.as_deref()).await?;
        let now = engine.clock.now();
        let next = match &page.next {
            Some(next) => Sweep::Running(Some(next.clone())),
            None => Sweep::Rested(now + SWEEP_REST),
        };
        engine.set_sweep(user, next);
        let mut contents: HashMap<String, Bytes> = page.notes.into_iter().collect();
        let ids: Vec<String> = contents.keys().cloned().collect();
        let limit = i64::from(sources::BULK_PAGE);
        let claimed = claim::claim(&engine.pool, Phase::Text, user, Some(&ids), limit, now).await?;
        if !claimed.is_empty() || page.next.is_none() {
            return Ok(claimed
                .into_iter()
                .filter_map(|document| {
                    contents
                        .remove(&document.native_id)
                        .map(|content| (document, content))
                })
                .collect());
        }
        cursor = page.next;
    }
    Ok(Vec::new())
}

/// Works on one document, or gives it back when the server stops or the user was refused.
async fn work(engine: &SyncEngine, source: &dyn Source, job: Job) -> Result<(), SyncError> {
    let refused = job.content.is_none() && job.refused.load(Ordering::SeqCst);
    if engine.is_stopping() || refused {
        return claim::release(&mut *engine.pool.acquire().await?, &job.document).await;
    }
    let content = if let Some(bytes) = &job.content {
        Content {
            bytes: bytes.clone(),
            mime_type: Some("text/markdown".to_owned()),
        }
    } else {
        let item = WantedItem {
            native_id: job.document.native_id.clone(),
            path: job.document.path.clone(),
        };
        match source.fetch(&*job.remote, &item).await {
            Ok(content) => content,
            Err(error) => return fetch_failed(engine, &job, &error).await,
        }
    };
    match store(engine, &job, content).await {
        Err(SyncError::Index(error)) => {
            // The index is away: nothing is wrong with the document.
            tracing::warn!(%error, "the index refused new points");
            let later = engine.clock.now() + TimeDelta::seconds(15);
            failure::record(
                &engine.pool,
                &job.document,
                Verdict::Delayed(later),
                "the index is not available",
                engine.clock.now(),
            )
            .await
        }
        other => other,
    }
}

/// Extracts, stores and publishes.
async fn store(engine: &SyncEngine, job: &Job, content: Content) -> Result<(), SyncError> {
    let Job { document, .. } = job;
    let title = index::sparse_title(&mut *engine.pool.acquire().await?, document.id).await?;
    let raw = Raw {
        bytes: content.bytes,
        mime_type: document.mime_type.clone().or(content.mime_type),
        name: document.path.rsplit('/').next().unwrap_or_default().to_owned(),
        title,
        visible_hash: document
            .content_hash
            .clone()
            .filter(|_| document.visible_generation > 0),
    };
    let prepared = prepare::prepare(&engine.chunker, &engine.sparse, raw).await;
    let now = engine.clock.now();
    let with_dense = engine.embedder.is_some();
    match prepared {
        None => {
            document_failed(
                engine,
                document,
                "its text could not be extracted: the parser failed",
            )
            .await
        }
        Some(Prepared::Skipped(reason)) => failure::skip(&engine.pool, document, reason, now).await,
        Some(Prepared::Same) => publish::confirm_same(&engine.pool, document, with_dense, now).await,
        Some(Prepared::Text {
            text,
            content_hash,
            chunks,
        }) => {
            let staged = publish::stage(&engine.pool, document, &text, chunks, now).await?;
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

/// An attempt failed through the document's own fault.
async fn document_failed(engine: &SyncEngine, document: &Claimed, reason: &str) -> Result<(), SyncError> {
    let attempt = document.attempts + 1;
    let now = engine.clock.now();
    let verdict = if i64::from(attempt) >= i64::from(engine.config.max_index_failures) {
        Verdict::Dead
    } else {
        Verdict::Retried(now + failure::retry_delay(attempt, &engine.entropy))
    };
    failure::record(&engine.pool, document, verdict, reason, now).await
}

/// Judges a failed fetch: the user's credential, the host, or the document.
async fn fetch_failed(engine: &SyncEngine, job: &Job, error: &NextcloudError) -> Result<(), SyncError> {
    let now = engine.clock.now();
    let document = &job.document;
    match error {
        NextcloudError::Unauthorized | NextcloudError::AccountDisabled => {
            give_up_user(engine, job, error).await
        }
        NextcloudError::TooLarge { .. } => failure::skip(&engine.pool, document, "too_large", now).await,
        NextcloudError::NotFound(_) => {
            // Moved or deleted since the listing: only a scan can tell.
            users::wake_scans(&engine.pool, &job.user, now).await?;
            document_failed(engine, document, &error.to_string()).await
        }
        error if failure::is_host_problem(error) => host_failed(engine, document, error).await,
        error if error.is_transient() => {
            // Before a document is given up for the host's sake, one request tells whose fault it is.
            let last = i64::from(document.attempts) + 1 >= i64::from(engine.config.max_index_failures);
            if last && let Err(probe) = job.remote.entry("/").await {
                return match probe {
                    NextcloudError::Unauthorized | NextcloudError::AccountDisabled => {
                        give_up_user(engine, job, &probe).await
                    }
                    _ => host_failed(engine, document, error).await,
                };
            }
            document_failed(engine, document, &error.to_string()).await
        }
        error => document_failed(engine, document, &error.to_string()).await,
    }
}

/// Gives the document back and keeps the user's other jobs of this turn from asking. Only the first one judges the
/// user: a later one would judge a credential that came meanwhile.
async fn give_up_user(engine: &SyncEngine, job: &Job, error: &NextcloudError) -> Result<(), SyncError> {
    let known = job.refused.swap(true, Ordering::SeqCst);
    claim::release(&mut *engine.pool.acquire().await?, &job.document).await?;
    if known {
        return Ok(());
    }
    user_refused(engine, &job.user, error).await
}

/// Nextcloud refuses the user, not a document: the credential is dropped, or the account left alone for a while.
async fn user_refused(engine: &SyncEngine, user: &UserId, error: &NextcloudError) -> Result<(), SyncError> {
    if matches!(error, NextcloudError::AccountDisabled) {
        let now = engine.clock.now();
        users::pause(&engine.pool, user, PauseReason::AccountDisabled, now).await
    } else {
        engine.credential_rejected(user).await
    }
}

async fn host_failed(
    engine: &SyncEngine,
    document: &Claimed,
    error: &NextcloudError,
) -> Result<(), SyncError> {
    let now = engine.clock.now();
    let verdict = Verdict::Delayed(now + failure::host_delay(error));
    failure::record(&engine.pool, document, verdict, &error.to_string(), now).await
}

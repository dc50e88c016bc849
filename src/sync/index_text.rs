//! Phase 1: text, chunks and sparse vectors, so that keyword search works within seconds. Whose documents are worked
//! on next.

use super::claim::{self, Claimed, Phase};
use super::index_document::{self, Job};
use super::sweep::{self, Sweep};
use super::text_failures::user_refused;
use super::users::{self, PauseReason};
use super::{Remote, SyncEngine, SyncError, contents};
use crate::auth::CredentialError;
use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use chrono::TimeDelta;
use futures::StreamExt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Users served in one turn.
const USERS_PER_TURN: i64 = 4;

/// Documents of one user in one turn: few, so that nobody waits long for a user with many.
const DOCUMENTS_PER_USER: i64 = 8;

/// While nobody can tell whether a user's credential is good.
const CREDENTIAL_DELAY: TimeDelta = TimeDelta::minutes(1);

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
    let results: Vec<Result<(), SyncError>> = futures::stream::iter(jobs)
        .map(|job| index_document::work(engine, job))
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
    if let Some(start) = sweep::due(engine, user).await? {
        match sweep::pages(engine, user, &**remote, start).await {
            Ok(found) => {
                let jobs = found
                    .into_iter()
                    .map(|(document, bytes)| job(document, Some(contents::of_note(bytes))))
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
                engine.set_sweep(user, Sweep::rested(engine.clock.now()));
            }
            Err(error) => return Err(error),
        }
    }
    let now = engine.clock.now();
    let documents = claim::claim(&engine.pool, Phase::Text, user, None, DOCUMENTS_PER_USER, now).await?;
    let mut found = match contents::together(engine, &**remote, &documents).await {
        Ok(found) => found,
        Err(error) => {
            for document in &documents {
                claim::release(&mut *engine.pool.acquire().await?, document).await?;
            }
            user_refused(engine, user, &error).await?;
            return Ok((Vec::new(), true));
        }
    };
    let jobs = documents
        .into_iter()
        .map(|document| {
            let content = found.remove(&document.id);
            job(document, content)
        })
        .collect();
    Ok((jobs, false))
}

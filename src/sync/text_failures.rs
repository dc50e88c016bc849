//! Whose fault it is that a document could not be fetched: the user's credential's, the host's, or its own.

use super::claim::{self, Claimed};
use super::failure::{self, Verdict};
use super::index_document::Job;
use super::sources::Source;
use super::users::{self, PauseReason};
use super::{SyncEngine, SyncError};
use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use std::sync::atomic::Ordering;

/// An attempt failed through the document's own fault.
pub(super) async fn document_failed(
    engine: &SyncEngine,
    document: &Claimed,
    reason: &str,
) -> Result<(), SyncError> {
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
pub(super) async fn fetch_failed(
    engine: &SyncEngine,
    job: &Job,
    source: &dyn Source,
    error: &NextcloudError,
) -> Result<(), SyncError> {
    let now = engine.clock.now();
    let document = &job.document;
    match error {
        NextcloudError::Unauthorized | NextcloudError::AccountDisabled => {
            give_up_user(engine, job, error).await
        }
        NextcloudError::TooLarge { .. } => failure::skip(&engine.pool, document, "too_large", now).await,
        NextcloudError::NotFound(_) => {
            // Moved or deleted since the listing: only a scan can tell.
            users::wake_scans(&engine.pool, &job.user, Some(source.name()), now).await?;
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
pub(super) async fn user_refused(
    engine: &SyncEngine,
    user: &UserId,
    error: &NextcloudError,
) -> Result<(), SyncError> {
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

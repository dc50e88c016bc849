//! Putting jobs into the queue.

use super::job::{Job, JobError};
use apalis::prelude::TaskBuilder;
use apalis_postgres::{PostgresStorage, queries::push_tasks};
use sqlx::{PgConnection, PgPool};

/// Queue of the sync's jobs.
pub(super) const SYNC: &str = "sync";

/// Queue of the jobs about grants.
pub(super) const GRANTS: &str = "grants";

/// Queue of the jobs about webhooks.
pub(super) const WEBHOOKS: &str = "webhooks";

/// Starts of one job before it is dead, those that killed the process included.
pub(super) const MAX_ATTEMPTS: usize = 3;

/// A job could not be queued.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The database did not answer, or refused.
    #[error("the job queue: {0}")]
    Database(#[from] apalis_postgres::Error),
    /// The job cannot be written as JSON.
    #[error(transparent)]
    Job(#[from] JobError),
}

/// Creates or migrates the queue's tables, in their own schema `apalis`.
pub async fn set_up(pool: &PgPool) -> Result<(), QueueError> {
    Ok(PostgresStorage::<()>::setup(pool).await?)
}

/// Queues a job, inside the caller's transaction if there is one: a rollback takes the job back.
pub async fn push(conn: &mut PgConnection, job: &Job) -> Result<(), QueueError> {
    let task = TaskBuilder::new(job.encode()?).max_attempts(MAX_ATTEMPTS).build();
    Ok(push_tasks(conn, job.queue(), vec![task]).await?)
}

/// Queues a job unless one with the same key was queued already; `false` if so. Not for use inside a transaction,
/// which the refusal would end.
pub async fn push_once(conn: &mut PgConnection, job: &Job, key: &str) -> Result<bool, QueueError> {
    let task = TaskBuilder::new(job.encode()?)
        .max_attempts(MAX_ATTEMPTS)
        .idempotency_key(key)
        .build();
    match push_tasks(conn, job.queue(), vec![task]).await {
        Ok(()) => Ok(true),
        Err(apalis_postgres::Error::Database(error))
            if error
                .as_database_error()
                .is_some_and(sqlx::error::DatabaseError::is_unique_violation) =>
        {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

//! One at a time changes webhooks, of all processes: between a webhook's registration and the row that says so, another
//! would take it for a leftover.

use super::WebhookError;
use sqlx::{PgPool, Postgres, Transaction};
use std::sync::Arc;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Key of the advisory lock.
const KEY: i64 = 0x6e63_7765_6268_6f6b;
/// How long a request waits for another one.
const PATIENCE: &str = "20s";

/// The right to change webhooks. Dropped, it ends a moment later.
pub(super) struct Changing {
    transaction: Transaction<'static, Postgres>,
    _turn: OwnedMutexGuard<()>,
}

impl Changing {
    /// Gives it back at once. A connection that cannot say so has lost the lock already.
    pub(super) async fn end(self) {
        if let Err(error) = self.transaction.rollback().await {
            tracing::debug!(%error, "the lock on webhooks ended with its connection");
        }
    }
}

/// The lock. Clones are one lock.
#[derive(Debug, Clone)]
pub(super) struct ChangeLock {
    pool: PgPool,
    /// Of this process only one waits at the database: the others would wait with all its connections.
    turn: Arc<Mutex<()>>,
}

impl ChangeLock {
    pub(super) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            turn: Arc::default(),
        }
    }

    /// Waits for the lock.
    pub(super) async fn wait(&self) -> Result<Changing, WebhookError> {
        let turn = self.turn.clone().lock_owned().await;
        let mut transaction = self.pool.begin().await?;
        sqlx::query!("select set_config('lock_timeout', $1, true)", PATIENCE)
            .fetch_one(&mut *transaction)
            .await?;
        let locked = sqlx::query!("select pg_advisory_xact_lock($1)", KEY)
            .fetch_one(&mut *transaction)
            .await;
        match locked {
            Ok(_) => Ok(Changing {
                transaction,
                _turn: turn,
            }),
            Err(error) if code(&error).as_deref() == Some("55P03") => Err(WebhookError::Busy),
            Err(error) => Err(error.into()),
        }
    }

    /// The lock, unless somebody has it.
    pub(super) async fn try_now(&self) -> Result<Option<Changing>, WebhookError> {
        let Ok(turn) = self.turn.clone().try_lock_owned() else {
            return Ok(None);
        };
        let mut transaction = self.pool.begin().await?;
        let locked = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "locked!""#, KEY)
            .fetch_one(&mut *transaction)
            .await?;
        Ok(locked.then_some(Changing {
            transaction,
            _turn: turn,
        }))
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[sqlx::test(migrations = "./migrations")]
    async fn one_at_a_time_of_all_processes(pool: PgPool) {
        let (here, there) = (ChangeLock::new(pool.clone()), ChangeLock::new(pool));
        let held = here.wait().await.unwrap();
        assert!(there.try_now().await.unwrap().is_none());
        assert!(here.try_now().await.unwrap().is_none());
        held.end().await;
        there.try_now().await.unwrap().expect("free at once").end().await;
        drop(here.wait().await.unwrap());
        assert!(there.wait().await.is_ok(), "free in the end");
    }
}

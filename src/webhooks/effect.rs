//! What hints do: the scans of those who may see the change are due now.

use super::hints;
use crate::clock::SharedClock;
use crate::db::DbError;
use crate::sync::{SyncError, Touched, wake_touched};
use sqlx::PgPool;

/// Hints in one transaction.
const PER_TURN: i64 = 500;

/// Hints could not be followed; they stay where they are.
#[derive(Debug, thiserror::Error)]
pub enum EffectError {
    /// The database did not answer.
    #[error(transparent)]
    Database(#[from] DbError),
    /// The scans could not be woken.
    #[error(transparent)]
    Sync(#[from] SyncError),
}

impl From<sqlx::Error> for EffectError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(DbError(error))
    }
}

/// Follows hints.
#[derive(Debug, Clone)]
pub struct HintEffect {
    pool: PgPool,
    clock: SharedClock,
}

impl HintEffect {
    /// Follows the hints of `pool`'s database.
    pub fn new(pool: PgPool, clock: SharedClock) -> Self {
        Self { pool, clock }
    }

    /// Whether hints wait.
    ///
    /// # Errors
    /// [`EffectError`] when the database does not answer.
    pub async fn pending(&self) -> Result<bool, EffectError> {
        Ok(sqlx::query_scalar!(
            r#"select exists (select from webhook_hints where due_at <= $1) as "pending!""#,
            self.clock.now()
        )
        .fetch_one(&self.pool)
        .await?)
    }

    /// Follows some hints and forgets them, in one transaction. Returns how many; 0 = none waits.
    ///
    /// # Errors
    /// [`EffectError`]: all of them wait on.
    pub async fn follow(&self) -> Result<usize, EffectError> {
        let now = self.clock.now();
        let mut tx = self.pool.begin().await?;
        let (count, hints) = hints::take(&mut tx, PER_TURN, now).await?;
        let touched: Vec<_> = hints
            .into_iter()
            .map(|hint| Touched {
                user: hint.user,
                source: hint.told.source(),
                family: hint.told.family(),
                native_id: hint.native_id,
                path: hint.path,
            })
            .collect();
        wake_touched(&mut tx, &touched, now).await?;
        tx.commit().await?;
        Ok(count)
    }
}

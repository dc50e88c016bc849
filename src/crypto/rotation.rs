//! Moving every secret at rest to the current key.
//!
//! Each envelope is replaced by a statement of its own that names the text that was read: killed at any line, the
//! rest is done by the next run; where a refresh or a consent writes meanwhile, its value stands.

use super::sealed_columns::{SealedColumn, StoredEnvelope};
use super::{EnvelopeContext, Keyring};
use crate::db::DbError;
use serde::Serialize;
use sqlx::PgPool;

/// Envelopes read at one time.
const BATCH: i64 = 200;
/// A server that still seals with the former key may write behind our back: the passes until that is reported.
const PASSES: usize = 3;

/// What was done to a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ColumnReport {
    /// Table of the column.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// Sealed anew.
    pub rewrapped: u64,
    /// Replaced by somebody else in the meantime; nothing to do.
    pub changed_meanwhile: u64,
    /// Opened by neither key: they stay as they are.
    pub unreadable: u64,
    /// Found under another key by the last pass, the unreadable ones included.
    pub left: u64,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RotationReport {
    /// Id of the key that seals now.
    pub key_id: String,
    /// One per column.
    pub columns: Vec<ColumnReport>,
}

impl RotationReport {
    /// Sealed anew in all.
    pub fn rewrapped(&self) -> u64 {
        self.columns.iter().map(|column| column.rewrapped).sum()
    }

    /// Opened by neither key.
    pub fn unreadable(&self) -> u64 {
        self.columns.iter().map(|column| column.unreadable).sum()
    }

    /// Found under another key by the last pass.
    pub fn left(&self) -> u64 {
        self.columns.iter().map(|column| column.left).sum()
    }
}

/// Seals everything anew that is not sealed with the current key of `keyring`.
///
/// # Errors
/// [`DbError`]; what was done stays done, another run goes on.
pub async fn rotate_keys(pool: &PgPool, keyring: &Keyring) -> Result<RotationReport, DbError> {
    let mut columns = Vec::new();
    for &column in SealedColumn::ALL {
        columns.push(rotate_column(pool, keyring, column).await?);
    }
    Ok(RotationReport {
        key_id: keyring.current_key_id().to_owned(),
        columns,
    })
}

/// How many secrets are not sealed with the current key of `keyring`.
pub async fn left_under_other_keys(pool: &PgPool, keyring: &Keyring) -> Result<i64, DbError> {
    let mut left = 0;
    for &column in SealedColumn::ALL {
        left += column.count_others(pool, &keyring.current_prefix()).await?;
    }
    Ok(left)
}

async fn rotate_column(
    pool: &PgPool,
    keyring: &Keyring,
    column: SealedColumn,
) -> Result<ColumnReport, DbError> {
    let mut report = ColumnReport {
        table: column.table(),
        column: column.column(),
        rewrapped: 0,
        changed_meanwhile: 0,
        unreadable: 0,
        left: 0,
    };
    for _ in 0..PASSES {
        report.unreadable = 0;
        report.left = 0;
        let mut after = String::new();
        loop {
            let envelopes = column
                .others(pool, &keyring.current_prefix(), &after, BATCH)
                .await?;
            let Some(last) = envelopes.last() else { break };
            after.clone_from(&last.text);
            for envelope in &envelopes {
                report.left += 1;
                match rewrap(pool, keyring, column, envelope).await? {
                    Rewrapped::Done => report.rewrapped += 1,
                    Rewrapped::ChangedMeanwhile => report.changed_meanwhile += 1,
                    Rewrapped::Unreadable => report.unreadable += 1,
                }
            }
        }
        // A pass that found nothing it could move has seen the end.
        if report.left == report.unreadable {
            break;
        }
    }
    Ok(report)
}

enum Rewrapped {
    Done,
    ChangedMeanwhile,
    Unreadable,
}

async fn rewrap(
    pool: &PgPool,
    keyring: &Keyring,
    column: SealedColumn,
    envelope: &StoredEnvelope,
) -> Result<Rewrapped, DbError> {
    let context = EnvelopeContext {
        user: &envelope.owner,
        table: column.table(),
        column: column.column(),
    };
    match keyring.rewrap(context, &envelope.text) {
        Ok(Some(renewed)) if column.replace(pool, envelope, &renewed).await? => Ok(Rewrapped::Done),
        Ok(_) => Ok(Rewrapped::ChangedMeanwhile),
        Err(error) => {
            tracing::warn!(
                %error,
                table = column.table(),
                column = column.column(),
                owner = envelope.owner,
                "a secret cannot be sealed anew"
            );
            Ok(Rewrapped::Unreadable)
        }
    }
}

#[cfg(test)]
mod tests;

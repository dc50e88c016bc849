//! `PostgreSQL`: the pool, the private cluster, migrations and one repository per table.
//!
//! Repositories are plain structs of functions that take `&mut PgConnection` (inside a transaction) or
//! `&PgPool`. They return [`DbError`]; callers decide what it means.

/// A failed database operation.
#[derive(Debug, thiserror::Error)]
#[error("database: {0}")]
pub struct DbError(#[from] pub sqlx::Error);

//! `PostgreSQL`: the pool, the private cluster, migrations and one repository per table.
//!
//! Repositories are plain structs of functions that take `&mut PgConnection` (inside a transaction) or
//! `&PgPool`. They return [`DbError`]; callers decide what it means.

pub mod app_passwords;
mod cluster;
pub mod installation;
mod migrate;
mod open;
pub mod users;

pub use cluster::{ClusterError, DataDirLock};
pub use migrate::{MigrateError, migrate};
pub use open::{Database, OpenError};

/// A failed database operation.
#[derive(Debug, thiserror::Error)]
#[error("database: {0}")]
pub struct DbError(#[from] pub sqlx::Error);

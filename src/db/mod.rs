//! `PostgreSQL`: the pools, the private cluster, migrations, and what the database as a whole belongs to.
//!
//! The SQL of a table stands with the concept that owns it: documents and scans in `sync`, app passwords in `auth`,
//! chunks for searching in `search`.

mod cluster;
pub mod installation;
mod migrate;
mod open;

pub use cluster::{ClusterError, DataDirLock};
pub use migrate::{MigrateError, migrate};
pub use open::{Database, OpenError};

/// A failed database operation.
#[derive(Debug, thiserror::Error)]
#[error("database: {0}")]
pub struct DbError(#[from] pub sqlx::Error);

//! `PostgreSQL`.

use secrecy::SecretString;
use std::path::PathBuf;

/// Where the database is.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `DATABASE_URL`; absent: a private cluster in the data directory.
    pub url: Option<SecretString>,
    /// `DATA_DIR`: the private cluster and the embedded index.
    pub data_dir: PathBuf,
    /// `POSTGRES_BIN_DIR`: where `initdb` and `postgres` are; absent: `PATH`, then `/usr/lib/postgresql/*/bin`.
    pub postgres_bin_dir: Option<PathBuf>,
    /// `DATABASE_POOL_SIZE`: connections of the API; the worker has a pool of its own of the same size.
    pub pool_size: u32,
}

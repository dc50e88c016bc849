//! Why the private cluster does not run.

use std::path::PathBuf;

/// Why the private cluster does not run, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// There is no `PostgreSQL` to run.
    #[error(
        "no PostgreSQL was found (searched {searched}): install it with `apt-get install postgresql`, name its \
         directory in POSTGRES_BIN_DIR, or set DATABASE_URL to a PostgreSQL that runs elsewhere"
    )]
    NoBinaries {
        /// The places.
        searched: String,
    },
    /// The cluster was made by another major version.
    #[error(
        "the database in {} was made by PostgreSQL {cluster}, but only {found} was found: install PostgreSQL \
         {cluster}, or name its directory in POSTGRES_BIN_DIR",
        data.display()
    )]
    OtherVersion {
        /// The cluster's directory.
        data: PathBuf,
        /// Its major version.
        cluster: u32,
        /// Versions that are there.
        found: String,
    },
    /// Another process uses the data directory.
    #[error("{} is in use by another server (process {process}): stop it, or choose another DATA_DIR", dir.display())]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// The other's process id.
        process: String,
    },
    /// As root: there is no account to run `PostgreSQL` under.
    #[error(
        "PostgreSQL does not run as root, and there is neither an account `postgres` nor `nobody`: create one with \
         `useradd --system postgres`, start this server as another user, or set DATABASE_URL"
    )]
    NoAccount,
    /// The account cannot enter the directory.
    #[error(
        "PostgreSQL runs as {account}, who may not enter {}: allow it with `chmod o+x {}`, or choose another DATA_DIR",
        .dir.display(), .dir.display()
    )]
    Unreachable {
        /// The account.
        account: String,
        /// The first directory it may not enter.
        dir: PathBuf,
    },
    /// The directory for the socket belongs to somebody else.
    #[error("{} does not belong to {account} alone: remove it, or choose a shorter DATA_DIR", dir.display())]
    ForeignSocketDir {
        /// The directory.
        dir: PathBuf,
        /// The account.
        account: String,
    },
    /// Processes of a postmaster that was killed are still ending.
    #[error("processes of the PostgreSQL that ran before are still ending: try again in a moment")]
    StillEnding,
    /// A `PostgreSQL` program failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Which.
        program: &'static str,
        /// The end of what it said.
        output: String,
    },
    /// A file operation failed.
    #[error("{} cannot be used: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Adds the path to a failed file operation.
pub(super) trait AtPath<T> {
    fn at(self, path: impl Into<PathBuf>) -> Result<T, ClusterError>;
}

impl<T> AtPath<T> for std::io::Result<T> {
    fn at(self, path: impl Into<PathBuf>) -> Result<T, ClusterError> {
        self.map_err(|source| ClusterError::Io {
            path: path.into(),
            source,
        })
    }
}

impl<T> AtPath<T> for nix::Result<T> {
    fn at(self, path: impl Into<PathBuf>) -> Result<T, ClusterError> {
        self.map_err(std::io::Error::from).at(path)
    }
}

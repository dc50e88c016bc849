//! What stands where in the cluster's part of the data directory.

use super::ClusterError;
use super::account::Account;
use super::error::AtPath;
use super::process::{self, Postmaster};
use crate::entropy::SharedEntropy;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Role that owns everything in the private cluster.
pub(super) const SUPERUSER: &str = "ncmcp";
/// Names the socket file only: nothing listens on TCP.
pub(super) const PORT: u16 = 5432;
/// A longer path does not fit into the kernel's `sockaddr_un`.
const MAX_SOCKET_PATH: usize = 107;
/// Connections beside the pools: listeners of the job queue, `psql`, the superuser's reserve.
const SPARE_CONNECTIONS: u32 = 20;

/// Paths below `DATA_DIR/postgres`, all of them the account's own.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) home: PathBuf,
    pub(super) data: PathBuf,
    pub(super) log: PathBuf,
    pub(super) password_file: PathBuf,
    pub(super) socket_dir: PathBuf,
}

impl Layout {
    /// Makes the directories.
    pub(super) fn prepare(data_dir: &Path, account: &Account) -> Result<Self, ClusterError> {
        // PostgreSQL's account may have to pass through, but not to look around.
        DirBuilder::new()
            .recursive(true)
            .mode(0o711)
            .create(data_dir)
            .at(data_dir)?;
        let data_dir = data_dir.canonicalize().at(data_dir)?;
        let home = data_dir.join("postgres");
        account.own_dir(&home)?;
        let socket_dir = socket_dir(&home);
        if socket_dir.starts_with(&home) {
            account.own_dir(&socket_dir)?;
        } else {
            account.own_dir_in_public(&socket_dir)?;
        }
        Ok(Self {
            data: home.join("data"),
            log: home.join("server.log"),
            password_file: home.join("password"),
            socket_dir,
            home,
        })
    }

    /// The socket's file.
    pub(super) fn socket(&self) -> PathBuf {
        self.socket_dir.join(format!(".s.PGSQL.{PORT}"))
    }

    /// The major version that made the cluster; `None`: there is none yet.
    pub(super) fn major_version(&self) -> Result<Option<u32>, ClusterError> {
        let path = self.data.join("PG_VERSION");
        match std::fs::read_to_string(&path) {
            Ok(version) => match version.trim().parse() {
                Ok(major) => Ok(Some(major)),
                Err(_) => Err(std::io::Error::from(ErrorKind::InvalidData)).at(path),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).at(path),
        }
    }

    /// The superuser's password, made at first use.
    pub(super) fn password(
        &self,
        account: &Account,
        entropy: &SharedEntropy,
    ) -> Result<SecretString, ClusterError> {
        let path = &self.password_file;
        match std::fs::read_to_string(path) {
            Ok(password) => return Ok(SecretString::from(password.trim())),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).at(path),
            Err(_) => {}
        }
        let mut bytes = zeroize::Zeroizing::new([0; 32]);
        entropy.fill(&mut *bytes);
        let password = SecretString::from(hex::encode(*bytes));
        account.write_file(path, password.expose_secret())?;
        Ok(password)
    }

    /// Place for `initdb`, without what a crash may have left there.
    pub(super) fn fresh_draft(&self) -> Result<PathBuf, ClusterError> {
        let draft = self.home.join("data.new");
        match std::fs::remove_dir_all(&draft) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error).at(draft),
            Ok(()) | Err(_) => Ok(draft),
        }
    }

    /// Puts the finished cluster in its place.
    pub(super) fn adopt_draft(&self, draft: &Path) -> Result<(), ClusterError> {
        std::fs::rename(draft, &self.data).at(&self.data)
    }

    /// Writes the server's settings anew, so that a later version's and a moved directory's count.
    pub(super) fn write_settings(&self, account: &Account, connections: u32) -> Result<(), ClusterError> {
        let socket_dir = self.socket_dir.display().to_string().replace('\'', "''");
        let max_connections = connections + SPARE_CONNECTIONS;
        let settings = format!(
            "# Written by nextcloud-mcp-server at every start: changes are lost.\n\
             listen_addresses = ''\n\
             port = {PORT}\n\
             unix_socket_directories = '{socket_dir}'\n\
             unix_socket_permissions = 0700\n\
             password_encryption = 'scram-sha-256'\n\
             max_connections = {max_connections}\n\
             shared_buffers = '128MB'\n\
             timezone = 'UTC'\n\
             log_timezone = 'UTC'\n\
             log_checkpoints = off\n\
             # Statements may hold what users wrote.\n\
             log_statement = 'none'\n\
             log_min_error_statement = 'panic'\n\
             log_parameter_max_length = 0\n\
             log_parameter_max_length_on_error = 0\n"
        );
        account.write_file(&self.data.join("postgresql.conf"), &settings)?;
        account.write_file(&self.data.join("pg_hba.conf"), "local all all scram-sha-256\n")
    }

    /// Removes the lock files of a postmaster that is gone: `PostgreSQL` itself believes them when another process
    /// has got the number, or when nobody has reaped the dead one.
    pub(super) fn clear_stale_locks(&self) -> Result<(), ClusterError> {
        if Postmaster::of(&self.data)? != Postmaster::Stale {
            return Ok(());
        }
        // PostgreSQL finds the children of the dead one by its pid file; without the file it is for us to wait.
        if process::anyone_works_in(&self.data)? {
            return Err(ClusterError::StillEnding);
        }
        let socket_lock = self.socket_dir.join(format!(".s.PGSQL.{PORT}.lock"));
        for path in [socket_lock, self.data.join("postmaster.pid")] {
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).at(path),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Begins a log for the postmaster to be started and keeps the one before, so that a failed start quotes its
    /// own lines and the disk does not fill.
    pub(super) fn begin_log(&self, account: &Account) -> Result<(), ClusterError> {
        let before = self.home.join("server.log.1");
        match std::fs::rename(&self.log, &before) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).at(before),
            Ok(()) | Err(_) => {}
        }
        account.write_file(&self.log, "")
    }
}

/// `home/run`, or a short path in `/tmp` when the socket's would be too long.
fn socket_dir(home: &Path) -> PathBuf {
    let near = home.join("run");
    let socket = near.join(format!(".s.PGSQL.{PORT}.lock"));
    if socket.as_os_str().len() <= MAX_SOCKET_PATH {
        return near;
    }
    let digest = Sha256::digest(home.as_os_str().as_bytes());
    let hash = hex::encode(&digest[..8]);
    PathBuf::from(format!("/tmp/ncmcp-{hash}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_data_directory_gets_a_short_socket() {
        assert_eq!(
            socket_dir(Path::new("/data/postgres")),
            Path::new("/data/postgres/run")
        );
        let long = PathBuf::from(format!("/{}", "x".repeat(100)));
        let short = socket_dir(&long);
        assert!(
            short.starts_with("/tmp") && short.as_os_str().len() < 40,
            "{}",
            short.display()
        );
        assert_ne!(short, socket_dir(&long.join("y")));
    }
}

//! The operating system account that `PostgreSQL` runs under, and directories that are its own.

use super::ClusterError;
use super::error::AtPath;
use nix::unistd::{Gid, Uid, User, chown, geteuid};
use std::fs::{DirBuilder, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use tokio::process::Command;

/// Who runs `PostgreSQL`.
#[derive(Debug, Clone)]
pub(super) struct Account {
    pub(super) name: String,
    uid: Uid,
    gid: Gid,
    /// This process is root and runs `PostgreSQL` as somebody else.
    switches: bool,
}

impl Account {
    /// This process's own account; as root `postgres`, else `nobody`, because `PostgreSQL` refuses root.
    pub(super) fn find() -> Result<Self, ClusterError> {
        let me = geteuid();
        if !me.is_root() {
            let name = me.to_string();
            return Ok(Self {
                name,
                uid: me,
                gid: nix::unistd::getegid(),
                switches: false,
            });
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self {
                name: user.name,
                uid: user.uid,
                gid: user.gid,
                switches: true,
            })
            .ok_or(ClusterError::NoAccount)
    }

    /// A command run by the account, from `dir`, with nothing of this process's environment: it holds secrets.
    pub(super) fn command(&self, program: &Path, dir: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("LC_ALL", "C")
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .current_dir(dir);
        command.stdin(std::process::Stdio::null());
        if self.switches {
            command.uid(self.uid.as_raw()).gid(self.gid.as_raw());
        }
        command
    }

    /// Makes `path` a directory of the account with mode 0700, new or old.
    pub(super) fn own_dir(&self, path: &Path) -> Result<(), ClusterError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error).at(path),
            Ok(()) | Err(_) => {}
        }
        chown(path, Some(self.uid), Some(self.gid)).at(path)?;
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).at(path)
    }

    /// Makes `path`, in a directory that everybody may write to, a directory of the account: one that somebody
    /// else put there, or a link, is refused.
    pub(super) fn own_dir_in_public(&self, path: &Path) -> Result<(), ClusterError> {
        match DirBuilder::new().mode(0o700).create(path) {
            Ok(()) => return chown(path, Some(self.uid), Some(self.gid)).at(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).at(path),
        }
        let found = path.symlink_metadata().at(path)?;
        if found.is_dir() && found.uid() == self.uid.as_raw() && found.mode() & 0o777 == 0o700 {
            return Ok(());
        }
        Err(ClusterError::ForeignSocketDir {
            dir: path.to_owned(),
            account: self.name.clone(),
        })
    }

    /// Writes a file that only the account may read, all of it or nothing.
    pub(super) fn write_file(&self, path: &Path, content: &str) -> Result<(), ClusterError> {
        let draft = path.with_extension("new");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)
            .at(&draft)?;
        file.write_all(content.as_bytes())
            .and_then(|()| file.sync_all())
            .at(&draft)?;
        chown(&draft, Some(self.uid), Some(self.gid)).at(&draft)?;
        std::fs::rename(&draft, path).at(path)
    }

    /// The outermost directory above `path` that the account may not enter, going by the mode bits.
    pub(super) fn blocked_at<'a>(&self, path: &'a Path) -> Option<&'a Path> {
        let mut above: Vec<&Path> = path.ancestors().collect();
        above.reverse();
        above.into_iter().find(|dir| {
            dir.metadata().is_ok_and(|found| {
                let bit = if found.uid() == self.uid.as_raw() {
                    0o100
                } else if found.gid() == self.gid.as_raw() {
                    0o010
                } else {
                    0o001
                };
                found.mode() & bit == 0
            })
        })
    }
}

//! Finds the `PostgreSQL` programs.

use super::ClusterError;
use super::account::Account;
use crate::config::Environment;
use std::path::{Path, PathBuf};

/// A directory with `initdb`, `pg_ctl` and `postgres`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    dir: PathBuf,
    pub(super) major: u32,
}

impl Binaries {
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }
}

/// Where to look.
#[derive(Debug, Clone)]
pub(super) struct Places {
    configured: Option<PathBuf>,
    path: Vec<PathBuf>,
    /// Debian's directory of versions.
    versions: PathBuf,
}

impl Places {
    /// `POSTGRES_BIN_DIR` alone when it is set; else `PATH` and `/usr/lib/postgresql/*/bin`.
    pub(super) fn of(configured: Option<&Path>) -> Self {
        let environment = Environment::from_process();
        let path = environment
            .get("PATH")
            .map(|path| std::env::split_paths(path).collect());
        Self {
            configured: configured.map(Path::to_owned),
            path: path.unwrap_or_default(),
            versions: PathBuf::from("/usr/lib/postgresql"),
        }
    }

    fn candidates(&self) -> Vec<PathBuf> {
        let mut dirs = match &self.configured {
            Some(dir) => vec![dir.clone()],
            None => self
                .path
                .iter()
                .cloned()
                .chain(self.versions_newest_first())
                .collect(),
        };
        dirs.retain(|dir| {
            ["initdb", "pg_ctl", "postgres"]
                .iter()
                .all(|name| dir.join(name).is_file())
        });
        dirs
    }

    fn versions_newest_first(&self) -> impl Iterator<Item = PathBuf> {
        let entries = std::fs::read_dir(&self.versions).into_iter().flatten().flatten();
        let mut versions: Vec<(u32, PathBuf)> = entries
            .filter_map(|entry| {
                Some((
                    entry.file_name().to_str()?.parse().ok()?,
                    entry.path().join("bin"),
                ))
            })
            .collect();
        versions.sort_by(|left, right| right.cmp(left));
        versions.into_iter().map(|(_, dir)| dir)
    }

    fn describe(&self) -> String {
        match &self.configured {
            Some(dir) => format!("POSTGRES_BIN_DIR={}", dir.display()),
            None => format!("PATH and {}/*/bin", self.versions.display()),
        }
    }

    /// The first programs found, or those of `major` when a cluster of that version exists in `data`.
    pub(super) async fn find(
        &self,
        account: &Account,
        home: &Path,
        cluster: Option<(u32, &Path)>,
    ) -> Result<Binaries, ClusterError> {
        let mut found = Vec::new();
        let mut failure = None;
        for dir in self.candidates() {
            let major = match version(account, &dir, home).await {
                Ok(major) => major,
                Err(error) => {
                    failure.get_or_insert(error);
                    continue;
                }
            };
            let binaries = Binaries { dir, major };
            if cluster.is_none_or(|(wanted, _)| wanted == major) {
                return Ok(binaries);
            }
            found.push(major.to_string());
        }
        if let Some(error) = failure {
            return Err(error);
        }
        match cluster {
            Some((wanted, data)) if !found.is_empty() => Err(ClusterError::OtherVersion {
                data: data.to_owned(),
                cluster: wanted,
                found: found.join(", "),
            }),
            _ => Err(ClusterError::NoBinaries {
                searched: self.describe(),
            }),
        }
    }
}

/// Asks `postgres --version`; this also shows whether the account can run it and enter `home`.
async fn version(account: &Account, dir: &Path, home: &Path) -> Result<u32, ClusterError> {
    let program = dir.join("postgres");
    let output = account
        .command(&program, home)
        .arg("--version")
        .output()
        .await
        .map_err(
            |source| match account.blocked_at(home).or_else(|| account.blocked_at(dir)) {
                Some(blocked) => ClusterError::Unreachable {
                    account: account.name.clone(),
                    dir: blocked.to_owned(),
                },
                None => ClusterError::Io {
                    path: program.clone(),
                    source,
                },
            },
        )?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    parse_major(&said).ok_or(ClusterError::Program {
        program: "postgres --version",
        output: said,
    })
}

/// The major version in what `postgres --version` says, such as `15.13 (Debian 15.13-0)` or `17beta1` after the name.
fn parse_major(said: &str) -> Option<u32> {
    let number = said.split_once("(PostgreSQL) ")?.1;
    number
        .split(|letter: char| !letter.is_ascii_digit())
        .next()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_versions() {
        assert_eq!(
            parse_major("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n"),
            Some(15)
        );
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_major("something else"), None);
    }

    #[tokio::test]
    async fn missing_programs_say_what_to_type() {
        let empty = tempfile::tempdir().unwrap();
        let places = Places {
            configured: None,
            path: Vec::new(),
            versions: empty.path().to_owned(),
        };
        let account = Account::find().unwrap();
        let error = places
            .find(&account, empty.path(), None)
            .await
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("apt-get install postgresql") && error.contains("DATABASE_URL"),
            "{error}"
        );
    }
}

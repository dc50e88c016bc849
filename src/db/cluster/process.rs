//! The running postmaster, as its pid file and `/proc` show it.

use super::ClusterError;
use super::error::AtPath;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;

/// How much of a log an error quotes.
const TAIL_BYTES: u64 = 2_000;

/// What `postmaster.pid` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Postmaster {
    /// It runs: started by us, or an orphan of a server that was killed.
    Running(i32),
    /// The file is there, but the process is gone, a zombie, or another program that got its number.
    Stale,
    /// There is no file.
    Absent,
}

impl Postmaster {
    /// Looks at the cluster in `data`. A postmaster's working directory is its data directory, which tells it
    /// apart from a process that happens to have the same number, as is common after a container's restart.
    pub(super) fn of(data: &Path) -> Result<Self, ClusterError> {
        let file = data.join("postmaster.pid");
        let content = match std::fs::read_to_string(&file) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::Absent),
            Err(error) => return Err(error).at(file),
        };
        let Some(pid) = content
            .lines()
            .next()
            .and_then(|line| line.trim().parse::<i32>().ok())
        else {
            return Ok(Self::Stale);
        };
        if !Path::new("/proc/self/cwd").exists() {
            // Without /proc nothing tells: rather leave it alone than start a second one.
            return Ok(Self::Running(pid));
        }
        let directory = std::fs::read_link(format!("/proc/{pid}/cwd")).ok();
        let data = data.canonicalize().at(data)?;
        Ok(if directory == Some(data) {
            Self::Running(pid)
        } else {
            Self::Stale
        })
    }
}

/// Whether any process works in `data`: the children of a killed postmaster live on until they notice, and a new
/// postmaster beside them would damage the database.
pub(super) fn anyone_works_in(data: &Path) -> Result<bool, ClusterError> {
    let data = data.canonicalize().at(data)?;
    let processes = std::fs::read_dir("/proc").at("/proc")?;
    Ok(processes
        .flatten()
        .any(|process| std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == data)))
}

/// The end of a log file; empty when there is none.
pub(super) fn tail(path: &Path) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = std::fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
    };
    read().unwrap_or_default()
}

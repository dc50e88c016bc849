//! What a child could do although it should not: asked of the child itself, by `doctor` and by the tests.

use super::confine::Confined;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::net::UdpSocket;
use std::process::{Command, Stdio};

/// Something that parsing does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    /// Sockets.
    Network,
    /// Opening files.
    Files,
    /// Starting processes.
    Processes,
    /// Variables of the environment.
    Environment,
    /// Descriptors beyond the standard ones.
    Descriptors,
    /// A working directory in which something can be made or found.
    Directory,
}

impl fmt::Display for Power {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network => "network",
            Self::Files => "files",
            Self::Processes => "new processes",
            Self::Environment => "an environment",
            Self::Descriptors => "foreign descriptors",
            Self::Directory => "a working directory",
        })
    }
}

/// What a child found out about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Whether the kernel refuses all system calls that it does not need.
    pub filtered: bool,
    /// What it could do; empty in a good sandbox.
    pub powers: BTreeSet<Power>,
}

/// Tries everything. Ends with no more descriptors than it began with.
pub(super) fn probe(confined: Confined) -> Probe {
    let tried = [
        (Power::Network, UdpSocket::bind("127.0.0.1:0").is_ok()),
        (Power::Files, File::open("/dev/null").is_ok()),
        (Power::Processes, starts_a_process()),
        (Power::Environment, std::env::vars_os().next().is_some()),
        (Power::Descriptors, has_descriptors()),
        (Power::Directory, !confined.directory_gone),
    ];
    Probe {
        filtered: confined.filtered,
        powers: tried
            .into_iter()
            .filter_map(|(power, possible)| possible.then_some(power))
            .collect(),
    }
}

fn starts_a_process() -> bool {
    let started = Command::new("/proc/self/exe")
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started
        .and_then(|mut child| child.kill().and_then(|()| child.wait()))
        .is_ok()
}

/// Closing says whether a descriptor was open; none that is in use lies beyond the standard ones.
fn has_descriptors() -> bool {
    (3..1024).any(|number: i32| nix::unistd::close(number).is_ok())
}

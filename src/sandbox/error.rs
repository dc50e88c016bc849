//! Why there is no answer of a child.

use std::io;

/// Why a task has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The document did not arrive whole. Says nothing about it: try again.
    #[error("the document could not be read: {0}")]
    Input(String),
    /// The document needs more memory than a child may have.
    #[error("the document needs too much memory")]
    OutOfMemory,
    /// The document needs more time than a child may have.
    #[error("the document takes too much time")]
    Timeout,
    /// The child died over the document: by a signal or, after a panic, with a code.
    #[error("the document could not be read: its process died ({})", end(*.signal, *.code))]
    Crashed {
        /// The signal that ended it.
        signal: Option<i32>,
        /// Its exit code.
        code: Option<i32>,
    },
    /// The answer is longer than allowed.
    #[error("more than {limit} bytes came out of the document")]
    OutputTooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The child answered what cannot be read: the document took it over or broke it.
    #[error("the document's process gave no proper answer")]
    Garbled,
    /// No child could be started or confined. Says nothing about the document: try again.
    #[error("no process for the document could be started: {0}")]
    Spawn(#[from] io::Error),
}

impl SandboxError {
    /// Its kind, as metrics name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input(_) => "input",
            Self::OutOfMemory => "out_of_memory",
            Self::Timeout => "timeout",
            Self::Crashed { .. } => "crashed",
            Self::OutputTooLarge { .. } => "output_too_large",
            Self::Garbled => "garbled",
            Self::Spawn(_) => "spawn",
        }
    }

    /// Whether the same document may be read later without a change: what failed is on our side, or somebody else
    /// ended the child (the kernel short of memory, an administrator).
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Input(_) | Self::Spawn(_) => true,
            Self::Crashed { signal, .. } => {
                matches!(
                    signal,
                    Some(nix::libc::SIGKILL | nix::libc::SIGTERM | nix::libc::SIGINT)
                )
            }
            Self::OutOfMemory | Self::Timeout | Self::OutputTooLarge { .. } | Self::Garbled => false,
        }
    }
}

fn end(signal: Option<i32>, code: Option<i32>) -> String {
    match (signal, code) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(code)) => format!("code {code}"),
        (None, None) => "without a word".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_the_documents_fault_is_tried_again() {
        let crashed = |signal| SandboxError::Crashed { signal, code: None };
        assert!(SandboxError::Input("cut off".to_owned()).is_transient());
        assert!(SandboxError::Spawn(io::Error::other("no memory")).is_transient());
        assert!(crashed(Some(nix::libc::SIGKILL)).is_transient());
        assert!(!crashed(Some(nix::libc::SIGSEGV)).is_transient());
        assert!(!crashed(None).is_transient());
        assert!(!SandboxError::Timeout.is_transient());
    }

    #[test]
    fn a_death_says_how() {
        let died = SandboxError::Crashed {
            signal: Some(11),
            code: None,
        };
        assert!(died.to_string().ends_with("died (signal 11)"));
    }
}

//! The child processes in which documents are read.

use super::Finding;
use crate::sandbox::{Probe, Sandbox, SandboxError};

const NAME: &str = "sandbox";

pub(super) async fn check() -> Finding {
    finding(Sandbox::new().probe().await)
}

fn finding(probed: Result<Probe, SandboxError>) -> Finding {
    match probed {
        Ok(probe) if probe.filtered && probe.powers.is_empty() => Finding::ok(
            NAME,
            "documents are read in processes without network, files or secrets",
        ),
        Ok(probe) => {
            let powers: Vec<String> = probe.powers.iter().map(ToString::to_string).collect();
            Finding::warning(
                NAME,
                format!(
                    "the processes that read documents still have: {}",
                    powers.join(", ")
                ),
                "use a kernel with seccomp (CONFIG_SECCOMP_FILTER) on x86_64 or aarch64, and a container runtime that \
                 lets programs install filters of their own",
            )
        }
        Err(error) => Finding::problem(
            NAME,
            error.to_string(),
            "mount /proc, leave /tmp (or TMPDIR) writable, and allow at least 512 MB and new processes",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::sandbox::Power;

    #[test]
    fn what_a_child_can_do_is_named() {
        let of = |filtered, powers: &[Power]| {
            finding(Ok(Probe {
                filtered,
                powers: powers.iter().copied().collect(),
            }))
        };
        assert_eq!(of(true, &[]).state, State::Ok);
        let open = of(false, &[Power::Network, Power::Files]);
        assert_eq!(open.state, State::Warning);
        assert!(open.detail.ends_with("network, files"), "{}", open.detail);
        assert_eq!(finding(Err(SandboxError::Garbled)).state, State::Problem);
    }
}

//! Parsers of other people's data, kept from taking this process with them.

use super::SkipReason;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Enough stack for documents nested as deeply as the readers allow, in an unoptimised build.
const STACK_BYTES: usize = 64 * 1024 * 1024;

/// Runs `parse` on a thread of its own: its trees are walked and dropped recursively, and the caller's stack may be
/// small. A panic becomes [`SkipReason::Malformed`].
pub(super) fn guarded<T: Send>(
    parse: impl FnOnce() -> Result<T, SkipReason> + Send,
) -> Result<T, SkipReason> {
    thread::scope(|scope| {
        let worker = thread::Builder::new()
            .name("parser".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || catch_unwind(AssertUnwindSafe(parse)));
        match worker.map(thread::ScopedJoinHandle::join) {
            Ok(Ok(Ok(result))) => result,
            _ => Err(SkipReason::Malformed),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_a_reason() {
        let panicked = guarded::<()>(|| panic!("a parser gave up"));
        assert_eq!(panicked, Err(SkipReason::Malformed));
        assert_eq!(guarded(|| Ok(7)), Ok(7));
    }
}

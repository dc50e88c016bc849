//! A child gives up what it does not need, before it reads anything.

use super::{Limits, system_calls};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, rlim_t, setrlimit};
use std::io;
use std::path::Path;

/// Descriptors that a child may have open at a time; it opens none itself.
const DESCRIPTORS: rlim_t = 16;
/// Address space beyond the memory that may be allocated: reservations of the allocator, stacks of threads.
const RESERVATIONS: u64 = 512 * 1024 * 1024;

/// What became of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Confined {
    /// The kernel refuses what `system_calls` does not list.
    pub(super) filtered: bool,
    /// The working directory was empty; it is gone.
    pub(super) directory_gone: bool,
}

/// Confines this process for the rest of its life. Limits are ceilings: a lower one that stands already stays.
///
/// The number of processes is not limited by `RLIMIT_NPROC`, which counts all threads of the same user, the server's
/// included; `system_calls` refuses new processes.
pub(super) fn confine(limits: &Limits) -> io::Result<Confined> {
    close_inherited();
    prefer_as_victim();
    let directory_gone = leave_directory();
    let seconds = limits.time.as_secs();
    let address_space = address_space()
        .saturating_add(limits.memory_bytes)
        .saturating_add(RESERVATIONS);
    for (resource, soft, hard) in [
        (Resource::RLIMIT_CORE, 0, 0),
        (Resource::RLIMIT_FSIZE, 0, 0),
        (Resource::RLIMIT_MEMLOCK, 0, 0),
        (Resource::RLIMIT_MSGQUEUE, 0, 0),
        (Resource::RLIMIT_NOFILE, DESCRIPTORS, DESCRIPTORS),
        // SIGXCPU at the first tells the parent what happened.
        (Resource::RLIMIT_CPU, seconds, seconds + 1),
        (Resource::RLIMIT_DATA, limits.memory_bytes, limits.memory_bytes),
        (Resource::RLIMIT_AS, address_space, address_space),
    ] {
        lower(resource, soft, hard)?;
    }
    prctl::set_no_new_privs()?;
    prctl::set_dumpable(false)?;
    Ok(Confined {
        filtered: system_calls::filter().is_ok(),
        directory_gone,
    })
}

fn lower(resource: Resource, soft: rlim_t, hard: rlim_t) -> io::Result<()> {
    let (_, standing) = getrlimit(resource)?;
    let hard = hard.min(standing);
    Ok(setrlimit(resource, soft.min(hard), hard)?)
}

/// Rust opens everything close-on-exec; libraries in C might not.
fn close_inherited() {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        return;
    };
    let numbers = open.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    // Collected first: the listing is a descriptor itself.
    for number in numbers.collect::<Vec<_>>() {
        if number > 2 {
            let _was_open = nix::unistd::close(number);
        }
    }
}

/// When memory runs out, the kernel ends this process before the server. Containers may not let it.
fn prefer_as_victim() {
    let _allowed = std::fs::write("/proc/self/oom_score_adj", "1000");
}

/// Removes the working directory, which succeeds only when it is empty: in a removed directory nothing can be made.
fn leave_directory() -> bool {
    std::env::current_dir()
        .and_then(|directory| {
            if directory == Path::new("/") {
                return Err(io::Error::other("no directory of its own"));
            }
            std::fs::remove_dir(directory)
        })
        .is_ok()
}

/// Address space in use now, most of it the program itself.
fn address_space() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| {
        let value = line.strip_prefix("VmSize:")?;
        value.split_whitespace().next()?.parse::<u64>().ok()
    });
    kilobytes.unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_space_is_known() {
        assert!(address_space() > 1024 * 1024);
    }
}

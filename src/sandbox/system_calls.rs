//! The system calls that a child may still make; the kernel answers every other one with `EPERM`.
//!
//! Left are: reading and writing on what is open, memory that is neither shared nor executable, threads, its own
//! signals, time and randomness. Refused are, among all others, sockets of any kind, opening or listing files, starting
//! processes, signals to and limits of other processes, tracing, namespaces, `io_uring` and `bpf`.

use nix::libc;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Whatever their arguments.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_brk,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_clone3,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_gettimeofday,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
    libc::SYS_write,
    libc::SYS_writev,
];

/// Installs the filter for this thread and all that it starts. Fails on kernels without seccomp and on processors that
/// the filter is not written for.
pub(super) fn filter() -> Result<(), Error> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    // glibc starts threads by `clone3`, whose flags lie in memory that no filter can look at. "There is no such call"
    // makes it take `clone` instead.
    let no_clone3 = SeccompFilter::new(
        Rules::from([(libc::SYS_clone3, Vec::new())]),
        SeccompAction::Allow,
        errno(libc::ENOSYS),
        arch,
    )?;
    let allowed = SeccompFilter::new(rules()?, errno(libc::EPERM), SeccompAction::Allow, arch)?;
    for filter in [no_clone3, allowed] {
        seccompiler::apply_filter(&BpfProgram::try_from(filter)?)?;
    }
    Ok(())
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

fn rules() -> Result<Rules, BackendError> {
    let mut rules: Rules = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
    let not_executable = without(2, libc::PROT_EXEC)?;
    rules.insert(
        libc::SYS_mmap,
        vec![SeccompRule::new(vec![
            not_executable.clone(),
            without(3, libc::MAP_SHARED)?,
        ])?],
    );
    rules.insert(libc::SYS_mprotect, vec![SeccompRule::new(vec![not_executable])?]);
    // Threads, not processes.
    let thread = bits(libc::CLONE_THREAD);
    rules.insert(
        libc::SYS_clone,
        vec![SeccompRule::new(vec![SeccompCondition::new(
            0,
            SeccompCmpArgLen::Dword,
            SeccompCmpOp::MaskedEq(thread),
            thread,
        )?])?],
    );
    // Its threads' names, its own limits (only to look at them), signals to itself (`abort`).
    rules.insert(
        libc::SYS_prctl,
        vec![SeccompRule::new(vec![equal(0, bits(libc::PR_SET_NAME))?])?],
    );
    rules.insert(
        libc::SYS_prlimit64,
        vec![SeccompRule::new(vec![equal(0, 0)?, equal_pointer(2, 0)?])?],
    );
    rules.insert(
        libc::SYS_tgkill,
        vec![SeccompRule::new(vec![equal(0, u64::from(std::process::id()))?])?],
    );
    Ok(rules)
}

fn bits(flags: i32) -> u64 {
    u64::from(flags.cast_unsigned())
}

fn without(argument: u8, flag: i32) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(
        argument,
        SeccompCmpArgLen::Dword,
        SeccompCmpOp::MaskedEq(bits(flag)),
        0,
    )
}

fn equal(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn equal_pointer(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;
    use std::thread;

    #[test]
    fn a_filtered_thread_computes_and_reaches_nothing() {
        // The filter holds for the thread that installs it.
        let outcome = thread::spawn(|| {
            filter().unwrap();
            let inner = thread::spawn(|| vec![7_u8; 32 * 1024 * 1024].len())
                .join()
                .unwrap();
            let refused = [
                UdpSocket::bind("127.0.0.1:0").unwrap_err().kind(),
                std::fs::File::open("/dev/null").unwrap_err().kind(),
                std::process::Command::new("/bin/true")
                    .spawn()
                    .unwrap_err()
                    .kind(),
                std::fs::create_dir("x").unwrap_err().kind(),
            ];
            (inner, refused)
        })
        .join()
        .unwrap();
        assert_eq!(outcome.0, 32 * 1024 * 1024);
        assert_eq!(outcome.1, [std::io::ErrorKind::PermissionDenied; 4]);
    }
}

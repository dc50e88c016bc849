//! How much memory this process holds.

/// Anonymous resident memory in bytes (`RssAnon`): what the process itself holds, without mapped files.
/// `None` where there is no `/proc`.
pub fn rss_anon_bytes() -> Option<u64> {
    parse(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_kernels_line() {
        assert_eq!(
            parse("VmRSS:\t  9 kB\nRssAnon:\t    1234 kB\nRssFile:\t 1 kB\n"),
            Some(1234 * 1024)
        );
        assert_eq!(parse("VmRSS:\t  9 kB\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_holds_memory() {
        assert!(rss_anon_bytes().unwrap() > 0);
    }
}

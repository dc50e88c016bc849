//! The child's working directory: fresh, empty, and gone as soon as the child has it.

use std::io;
use std::path::{Path, PathBuf};

/// An empty directory of one's own below the system's directory for temporary files. The child removes it at once
/// (`confine`), so that nothing can be made in it; this removes what is left when the child never got so far.
#[derive(Debug)]
pub(super) struct WorkDir(PathBuf);

impl WorkDir {
    pub(super) fn fresh() -> io::Result<Self> {
        let template = std::env::temp_dir().join("nextcloud-mcp-server-XXXXXX");
        Ok(Self(nix::unistd::mkdtemp(&template)?))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        // Usually the child was faster.
        let _gone = std::fs::remove_dir(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn each_is_new_private_and_gone_afterwards() {
        let (first, second) = (WorkDir::fresh().unwrap(), WorkDir::fresh().unwrap());
        assert_ne!(first.path(), second.path());
        let mode = std::fs::metadata(first.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let path = first.path().to_owned();
        drop(first);
        assert!(!path.exists());
        std::fs::remove_dir(second.path()).unwrap();
    }
}

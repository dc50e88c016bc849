//! Where the software of others is.

use std::path::PathBuf;

/// The program `node`.
pub fn node() -> PathBuf {
    handed_over("EXTERNAL_NODE")
}

/// The directory with the npm package `oidc-provider`.
pub fn node_modules() -> PathBuf {
    handed_over("EXTERNAL_NODE_MODULES")
}

/// A Python with the package `mcp`.
pub fn python() -> PathBuf {
    handed_over("EXTERNAL_PYTHON")
}

/// A file beside the tests.
pub fn script(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/external")
        .join(path)
}

fn handed_over(variable: &str) -> PathBuf {
    let Ok(path) = dotenvy::var(variable) else {
        panic!("{variable} is not set: run scripts/test, which installs what this suite needs and sets it");
    };
    let path = PathBuf::from(path);
    assert!(
        path.exists(),
        "{variable} names {}, which is not there: run scripts/test",
        path.display()
    );
    path
}

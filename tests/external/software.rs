//! Where the software of others is.

use std::path::PathBuf;

/// The program `node`.
pub fn node() -> PathBuf {
    handed_over("EXTERNAL_NODE")
}

/// The directory with the npm packages `oidc-provider` and `playwright-core`.
pub fn node_modules() -> PathBuf {
    handed_over("EXTERNAL_NODE_MODULES")
}

/// A Python with the package `mcp`.
pub fn python() -> PathBuf {
    handed_over("EXTERNAL_PYTHON")
}

/// A Chromium.
pub fn chromium() -> PathBuf {
    handed_over("EXTERNAL_CHROMIUM")
}

/// The program `schemathesis`.
pub fn schemathesis() -> PathBuf {
    let program = python().with_file_name("schemathesis");
    assert!(
        program.exists(),
        "schemathesis is not installed: run scripts/test"
    );
    program
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

//! What the process prints and the code it ends with.

use super::AppError;
use crate::config::ConfigErrors;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

/// Exit code for an invalid configuration.
const CONFIGURATION: u8 = 2;

/// Why a command ended without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitReason {
    /// It did what was asked.
    Done,
    /// `doctor` found something broken.
    Unhealthy,
}

/// Prints to standard output. A closed pipe is no reason to fail.
pub(super) fn say(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}

fn complain(line: &dyn Display) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Lists every problem of the configuration; exit code 2.
pub fn report_config_problems(problems: &ConfigErrors) -> ExitCode {
    complain(problems);
    ExitCode::from(CONFIGURATION)
}

/// Reports an error that ended the process.
pub fn report_fatal(error: &dyn Display) -> ExitCode {
    complain(&format_args!("error: {error}"));
    ExitCode::FAILURE
}

/// The process's exit code for a command's outcome.
pub fn exit_code(outcome: Result<ExitReason, AppError>) -> ExitCode {
    match outcome {
        Ok(ExitReason::Done) => ExitCode::SUCCESS,
        Ok(ExitReason::Unhealthy) => ExitCode::FAILURE,
        Err(error) => report_fatal(&error),
    }
}

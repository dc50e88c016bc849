//! What is wrong with a configuration.

use std::fmt;

/// One thing to put right. Never holds the value of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable to look at.
    pub variable: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}. {}", self.variable, self.problem, self.fix)
    }
}

/// All problems of a configuration, found in one go. The program ends with exit code 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(Vec<Problem>);

impl ConfigErrors {
    pub(super) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// The problems, in the order of the sections.
    pub fn problems(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => writeln!(f, "the configuration has a problem:")?,
            count => writeln!(f, "the configuration has {count} problems:")?,
        }
        for problem in &self.0 {
            writeln!(f, "  - {problem}")?;
        }
        f.write_str("Every variable is explained in docs/configuration.md.")
    }
}

//! What a check found.

use serde::Serialize;
use std::fmt;

/// How a part is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// As it should be.
    Ok,
    /// Works, but will hurt some day.
    Warning,
    /// Does not work: `doctor` fails.
    Problem,
    /// Could not be looked at; the fix says what to look at by hand.
    Skipped,
}

/// What was found about one part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) name: &'static str,
    pub(super) state: State,
    pub(super) detail: String,
    /// What to type or to do.
    pub(super) fix: Option<String>,
}

impl Finding {
    pub(super) fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            detail: detail.into(),
            fix: None,
        }
    }

    pub(super) fn warning(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::with_fix(name, State::Warning, detail, fix)
    }

    pub(super) fn problem(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::with_fix(name, State::Problem, detail, fix)
    }

    pub(super) fn skipped(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::with_fix(name, State::Skipped, detail, fix)
    }

    fn with_fix(name: &'static str, state: State, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            name,
            state,
            detail: detail.into(),
            fix: Some(fix.into()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.state {
            State::Ok => '✓',
            State::Warning => '!',
            State::Problem => '✗',
            State::Skipped => '–',
        };
        write!(f, "{sign} {:<20} {}", self.name, self.detail)?;
        for line in self.fix.iter().flat_map(|fix| fix.lines()) {
            write!(f, "\n{:23}→ {line}", "")?;
        }
        Ok(())
    }
}

/// The last line.
pub(super) fn summary(findings: &[Finding]) -> String {
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    match (count(State::Problem), count(State::Warning)) {
        (0, 0) => "everything that could be checked is right".to_owned(),
        (problems, warnings) => format!("{problems} problems, {warnings} warnings"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_stands_on_lines_of_its_own() {
        let text = Finding::problem("nextcloud", "refused", "start it\nlook at it").to_string();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(
            lines[0].starts_with("✗ nextcloud") && lines[0].ends_with("refused"),
            "{text}"
        );
        assert!(
            lines[1].ends_with("→ start it") && lines[2].ends_with("→ look at it"),
            "{text}"
        );
        assert!(!Finding::ok("database", "PostgreSQL 15").to_string().contains('→'));
    }

    #[test]
    fn json_has_the_documented_shape() {
        let finding = Finding::skipped("bearer validation", "nobody consented", "consent");
        assert_eq!(
            serde_json::to_value(&finding).unwrap(),
            serde_json::json!({
                "name": "bearer validation", "state": "skipped", "detail": "nobody consented", "fix": "consent",
            })
        );
    }
}

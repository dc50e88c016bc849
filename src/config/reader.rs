//! Takes values out of the environment and gathers what is wrong with them.

use super::variables::Variable;
use super::{Environment, Problem};
use secrecy::SecretString;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;
use url::Url;
use zeroize::Zeroizing;

/// Reads the environment for one load of the configuration.
pub(super) struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn environment(&self) -> &'a Environment {
        self.environment
    }

    /// Records a problem. `problem` and `fix` must not hold the value of a secret.
    pub(super) fn problem(
        &mut self,
        variable: &Variable,
        problem: impl Into<String>,
        fix: impl Into<String>,
    ) {
        self.problem_at(variable.name, problem, fix);
    }

    fn problem_at(&mut self, name: &str, problem: impl Into<String>, fix: impl Into<String>) {
        self.problems.push(Problem {
            variable: name.to_owned(),
            problem: problem.into(),
            fix: fix.into(),
        });
    }

    pub(super) fn warn(&mut self, warning: impl Into<String>) {
        self.warnings.push(warning.into());
    }

    pub(super) fn finish(self) -> (Vec<Problem>, Vec<String>) {
        (self.problems, self.warnings)
    }

    /// Whether the variable has a value, from wherever.
    pub(super) fn is_set(&self, variable: &Variable) -> bool {
        std::iter::once(&variable.name)
            .chain(variable.aliases)
            .any(|name| {
                let filed = variable.secret && self.value(&format!("{name}_FILE")).is_some();
                filed || self.value(name).is_some()
            })
    }

    /// An empty value counts as unset: compose files write `NAME=` for that.
    fn value(&self, name: &str) -> Option<&'a str> {
        self.environment
            .get(name)
            .filter(|value| !value.trim().is_empty())
    }

    /// The trimmed value of a variable that is no secret.
    pub(super) fn text(&mut self, variable: &Variable) -> Option<&'a str> {
        let mut found: Option<(&str, &'a str)> = None;
        for name in std::iter::once(&variable.name).chain(variable.aliases) {
            if self.environment.is_not_text(name) {
                self.problem_at(name, "the value is not valid UTF-8", "Write it in UTF-8.");
            }
            let Some(value) = self.value(name).map(str::trim) else {
                continue;
            };
            match found {
                None => found = Some((name, value)),
                Some((first, earlier)) if earlier != value => {
                    self.problem_at(
                        name,
                        format!("{first} says otherwise"),
                        format!("Keep {first} only."),
                    );
                }
                Some(_) => {}
            }
        }
        found.map(|(_, value)| value)
    }

    /// A value whose blanks count. One pair of double quotes around it is dropped: files of settings often lose blanks at
    /// a value's end.
    pub(super) fn verbatim(&mut self, variable: &Variable) -> Option<String> {
        self.text(variable)?;
        let value = self.value(variable.name)?;
        let quoted = value
            .trim()
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        Some(quoted.unwrap_or(value).to_owned())
    }

    /// A secret from `NAME` or the file that `NAME_FILE` names; one newline at the file's end is dropped.
    pub(super) fn secret(&mut self, variable: &Variable) -> Option<SecretString> {
        let mut found: Option<(String, SecretString)> = None;
        for name in std::iter::once(&variable.name).chain(variable.aliases) {
            if self.environment.is_not_text(name) {
                self.problem_at(name, "the value is not valid UTF-8", "Write it in UTF-8.");
            }
            let file_name = format!("{name}_FILE");
            let direct = self
                .value(name)
                .map(|value| ((*name).to_owned(), SecretString::from(value)));
            let filed = match self.value(&file_name) {
                Some(path) => self
                    .secret_file(&file_name, path.trim())
                    .map(|secret| (file_name, secret)),
                None => None,
            };
            for (place, secret) in direct.into_iter().chain(filed) {
                if let Some((first, _)) = &found {
                    let fix = format!("Keep one of {first} and {place}.");
                    self.problem_at(&place, format!("{first} is set too"), fix);
                } else {
                    found = Some((place, secret));
                }
            }
        }
        found.map(|(_, secret)| secret)
    }

    fn secret_file(&mut self, name: &str, path: &str) -> Option<SecretString> {
        let content = match std::fs::read_to_string(path) {
            Ok(content) => Zeroizing::new(content),
            Err(error) => {
                let fix = "Name a readable text file that holds the secret.";
                self.problem_at(name, format!("{path} cannot be read ({error})"), fix);
                return None;
            }
        };
        let line = content.strip_suffix('\n').unwrap_or(&content);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            self.problem_at(name, format!("{path} is empty"), "Put the secret into it.");
            return None;
        }
        Some(SecretString::from(line))
    }

    /// A yes or no.
    pub(super) fn flag(&mut self, variable: &Variable, default: bool) -> bool {
        let Some(value) = self.text(variable) else {
            return default;
        };
        match value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" => true,
            "false" | "0" | "no" | "off" => false,
            _ => {
                self.problem(variable, "neither yes nor no", "Write true or false.");
                default
            }
        }
    }

    /// A number within `range`.
    pub(super) fn number<T>(&mut self, variable: &Variable, default: T, range: RangeInclusive<T>) -> T
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.text(variable) else {
            return default;
        };
        if let Ok(number) = value.parse()
            && range.contains(&number)
        {
            return number;
        }
        let fix = format!("Write a whole number from {} to {}.", range.start(), range.end());
        self.problem(variable, "not a number in range", fix);
        default
    }

    /// An http or https URL without credentials, query or fragment, and without a slash at its end.
    pub(super) fn url(&mut self, variable: &Variable) -> Option<Url> {
        const FIX: &str = "Write it like https://cloud.example.com.";
        let value = self.text(variable)?;
        let Some(mut url) = Url::parse(value)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        else {
            self.problem(variable, "not an http or https URL", FIX);
            return None;
        };
        if !url.username().is_empty() || url.password().is_some() {
            self.problem(variable, "holds a user name or password", FIX);
            return None;
        }
        if url.query().is_some() || url.fragment().is_some() {
            self.problem(variable, "holds a query or fragment", FIX);
            return None;
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Some(url)
    }

    /// Parts between commas, trimmed, without empty ones.
    pub(super) fn list(&mut self, variable: &Variable) -> Vec<String> {
        let value = self.text(variable).unwrap_or_default();
        value
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// A path.
    pub(super) fn path(&mut self, variable: &Variable) -> Option<PathBuf> {
        self.text(variable).map(PathBuf::from)
    }
}

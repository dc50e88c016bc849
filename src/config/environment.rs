//! The environment as a value.

use std::collections::BTreeMap;

/// Names and values of environment variables; tests build one, the program takes the process's.
#[derive(Clone, Default)]
pub struct Environment {
    values: BTreeMap<String, String>,
    /// Variables whose value is not UTF-8: reported when the configuration knows them.
    not_text: Vec<String>,
}

impl Environment {
    /// The environment of this process: the only place that reads it.
    pub fn from_process() -> Self {
        let mut environment = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            match value.into_string() {
                Ok(value) => environment.set(&name, value),
                Err(_) => environment.not_text.push(name),
            }
        }
        environment
    }

    /// An environment of the given variables.
    pub fn from_pairs<N: Into<String>, V: Into<String>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let values = pairs
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect();
        Self {
            values,
            not_text: Vec::new(),
        }
    }

    /// The value of `name` as it stands there.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Sets `name`, as a command-line flag does to its environment twin.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    pub(super) fn is_not_text(&self, name: &str) -> bool {
        self.not_text.iter().any(|other| other == name)
    }
}

/// Names only: values may be secrets.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

//! Unknown variables that look like a typing error.

use super::Environment;
use super::variables::{VARIABLES, Variable};

/// Names that begin like this are meant for us.
const PREFIXES: [&str; 10] = [
    "NEXTCLOUD_",
    "VECTOR_SYNC_",
    "MCP_",
    "ENABLE_",
    "TOKEN_",
    "OIDC_",
    "EMBEDDING_",
    "DATABASE_",
    "METRICS_",
    "LOG_",
];
/// Farther apart, a name is taken for another program's.
const MAX_DISTANCE: usize = 2;

/// One sentence for each variable that is not read but resembles one that is.
pub(super) fn warnings(environment: &Environment) -> Vec<String> {
    let known: Vec<String> = VARIABLES.iter().flat_map(|variable| names(variable)).collect();
    environment
        .names()
        .filter(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        .filter(|name| !known.iter().any(|other| other == name))
        .filter_map(|name| {
            let (distance, nearest) = known.iter().map(|other| (distance(name, other), other)).min()?;
            (distance <= MAX_DISTANCE)
                .then(|| format!("{name} is not a variable of this server; did you mean {nearest}?"))
        })
        .collect()
}

fn names(variable: &Variable) -> Vec<String> {
    let mut names = Vec::new();
    for name in std::iter::once(&variable.name).chain(variable.aliases) {
        names.push((*name).to_owned());
        if variable.secret {
            names.push(format!("{name}_FILE"));
        }
    }
    names
}

/// Edit distance with neighbours swapped as one step (optimal string alignment).
fn distance(left: &str, right: &str) -> usize {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (above[j + 1] + 1)
                .min(row[j] + 1)
                .min(above[j] + usize::from(a != b));
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_variable_that_was_meant() {
        let environment = Environment::from_pairs([
            ("NEXTCLOUD_HSOT", "x"),
            ("VECTOR_SYNC_ENABLE", "true"),
            ("NEXTCLOUD_PASSWORD_FILE", "/x"),
            ("NEXTCLOUD_UNRELATED_THING", "x"),
            ("PATH", "x"),
        ]);
        assert_eq!(
            warnings(&environment),
            [
                "NEXTCLOUD_HSOT is not a variable of this server; did you mean NEXTCLOUD_HOST?",
                "VECTOR_SYNC_ENABLE is not a variable of this server; did you mean VECTOR_SYNC_ENABLED?",
            ]
        );
    }

    #[test]
    fn distance_counts_swaps_once() {
        assert_eq!(distance("HOST", "HSOT"), 1);
        assert_eq!(distance("HOST", "HOST"), 0);
        assert_eq!(distance("", "ab"), 2);
        assert_eq!(distance("PORT", "PORTS"), 1);
    }
}

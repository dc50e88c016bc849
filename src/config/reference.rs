//! `docs/configuration.md`, made from the table of variables.

use super::variables::{Section, VARIABLES, Variable};

/// The reference of all variables as Markdown.
pub fn reference_markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\nMade from `src/config/variables.rs`; change it there.\n\n\
         The server reads environment variables. A variable that is empty counts as unset. Yes and no are `true`, `1`, \
         `yes`, `on` and `false`, `0`, `no`, `off`. Each variable marked *secret* may also come from a file: \
         `<NAME>_FILE` names it, and one newline at its end is dropped.\n",
    );
    for section in Section::ALL {
        page.push_str("\n## ");
        page.push_str(section.title());
        page.push_str("\n\n| variable | default | meaning |\n|---|---|---|\n");
        for variable in VARIABLES.iter().filter(|variable| variable.section == section) {
            page.push_str(&row(variable));
        }
    }
    page
}

fn row(variable: &Variable) -> String {
    let secret = if variable.secret { " *(secret)*" } else { "" };
    let default = if variable.default.is_empty() {
        "–".to_owned()
    } else {
        format!("`{}`", variable.default)
    };
    let mut meaning = variable.doc.split_whitespace().collect::<Vec<_>>().join(" ");
    for alias in variable.aliases {
        meaning.push_str(" Alias: `");
        meaning.push_str(alias);
        meaning.push_str("`.");
    }
    format!("| `{}`{secret} | {default} | {meaning} |\n", variable.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_variable_and_alias() {
        let page = reference_markdown();
        for variable in VARIABLES {
            for name in std::iter::once(&variable.name).chain(variable.aliases) {
                assert!(page.contains(&format!("`{name}`")), "{name} is missing");
            }
        }
        assert!(page.contains("| `TOKEN_ENCRYPTION_KEY` *(secret)* |"));
    }
}

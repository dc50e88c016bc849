//! Paths as a model writes them.

use crate::mcp::error::ToolError;

/// `text` as a path below the user's root that starts with `/`. Doubled and trailing slashes go; `..`, `.` and
/// control characters are refused rather than resolved, so that what runs is what was read.
pub(super) fn normalized(argument: &str, text: &str) -> Result<String, ToolError> {
    if text.chars().any(char::is_control) {
        return Err(ToolError::Arguments(format!(
            "argument `{argument}` must not hold control characters"
        )));
    }
    let segments: Vec<&str> = text.split('/').filter(|segment| !segment.is_empty()).collect();
    if segments.iter().any(|segment| matches!(*segment, "." | "..")) {
        return Err(ToolError::Arguments(format!(
            "argument `{argument}` must not hold `.` or `..` segments"
        )));
    }
    Ok(format!("/{}", segments.join("/")))
}

/// As [`normalized`], and not the root.
pub(super) fn below_root(argument: &str, text: &str) -> Result<String, ToolError> {
    match normalized(argument, text)?.as_str() {
        "/" => Err(ToolError::Arguments(format!(
            "argument `{argument}` must name a file or folder"
        ))),
        path => Ok(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_and_climbing_is_refused() {
        assert_eq!(normalized("path", "").unwrap(), "/");
        assert_eq!(normalized("path", "Docs//a b.md/").unwrap(), "/Docs/a b.md");
        assert!(normalized("path", "Docs/../../bob/x").is_err());
        assert!(normalized("path", "a\0b").is_err());
        assert!(below_root("path", "//").is_err());
        assert_eq!(below_root("path", "..hidden").unwrap(), "/..hidden");
    }
}

//! `eventFilter`: every named field must equal its value, or match it where it is written as `/regex/`.

use serde_json::Value;

/// Whether the payload passes. A filter that is no object with fields lets everything through.
pub(super) fn passes(filter: &Value, payload: &Value) -> bool {
    let Some(fields) = filter.as_object() else {
        return true;
    };
    fields.iter().all(|(path, wanted)| {
        let found = path.split('.').try_fold(payload, |value, name| value.get(name));
        match (found, wanted) {
            (Some(Value::String(found)), Value::String(wanted)) => text_passes(found, wanted),
            (Some(found), wanted) => found == wanted,
            (None, _) => false,
        }
    })
}

/// Of PHP's patterns the simulator knows those that Astrolabe writes: anchored, `.*`, `\/`, and plain text.
fn text_passes(found: &str, wanted: &str) -> bool {
    let pattern = wanted
        .strip_prefix('/')
        .and_then(|rest| rest.strip_suffix('/'))
        .filter(|pattern| !pattern.is_empty());
    match pattern {
        Some(pattern) => matches(&pattern.replace("\\/", "/"), found),
        None => found == wanted,
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let (anchored, pattern) = match pattern.strip_prefix('^') {
        Some(rest) => (true, rest),
        None => (false, pattern),
    };
    let mut rest = text;
    for (index, part) in pattern.split(".*").enumerate() {
        match rest.find(part) {
            Some(at) if index > 0 || !anchored || at == 0 => rest = &rest[at + part.len()..],
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn astrolabes_filter_means_the_notes_folder() {
        let filter = json!({"event.node.path": "/^\\/.*\\/files\\/Notes\\//"});
        let at = |path: &str| json!({"event": {"node": {"path": path}}});
        assert!(passes(&filter, &at("/alice/files/Notes/a.md")));
        assert!(!passes(&filter, &at("/alice/files/Documents/a.md")));
        assert!(!passes(&filter, &at("/alice/files/Notes")));
        assert!(!passes(
            &filter,
            &json!({"event": {"target": {"path": "/alice/files/Notes/a.md"}}})
        ));
        assert!(passes(&json!([]), &at("/x")));
        assert!(passes(&json!({"event.node.path": "/x"}), &at("/x")));
    }
}

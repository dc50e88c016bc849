//! Schemas in words.

use serde_json::Value;
use std::collections::BTreeSet;

/// Schemas within schemas are followed so far.
const DEPTH: usize = 8;

/// A parameter, or a field of a body.
#[derive(Debug, PartialEq)]
pub(super) struct Field {
    /// Its name.
    pub(super) name: String,
    /// What it may be.
    pub(super) kind: String,
    /// Whether it must be there.
    pub(super) is_required: bool,
    /// What it is for.
    pub(super) about: String,
}

/// What a reference stands for; anything else stands for itself.
pub(super) fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    value["$ref"]
        .as_str()
        .and_then(|reference| document.pointer(reference.strip_prefix('#')?))
        .unwrap_or(value)
}

/// The fields of an object, sorted by name.
pub(super) fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let mut all = Vec::new();
    collect(document, schema, DEPTH, &mut all);
    all.sort_by(|one, other| one.name.cmp(&other.name));
    all.dedup_by(|one, other| one.name == other.name);
    all
}

fn collect(document: &Value, schema: &Value, depth: usize, into: &mut Vec<Field>) {
    let schema = resolved(document, schema);
    for name in ["allOf", "anyOf", "oneOf"] {
        for part in schema[name].as_array().into_iter().flatten() {
            if depth > 0 {
                collect(document, part, depth - 1, into);
            }
        }
    }
    let required: BTreeSet<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, value) in schema["properties"].as_object().into_iter().flatten() {
        into.push(field(document, name, value, required.contains(name.as_str())));
    }
}

/// One field of `schema`.
pub(super) fn field(document: &Value, name: &str, schema: &Value, is_required: bool) -> Field {
    let about = [schema, resolved(document, schema)]
        .into_iter()
        .find_map(|schema| schema["description"].as_str())
        .unwrap_or_default();
    let default = schema.get("default").map(|value| format!("; default {value}"));
    Field {
        name: name.to_owned(),
        kind: format!("{}{}", kind(document, schema, DEPTH), default.unwrap_or_default()),
        is_required,
        about: about.to_owned(),
    }
}

/// What a value may be; that it may be null is not said.
fn kind(document: &Value, schema: &Value, depth: usize) -> String {
    let schema = resolved(document, schema);
    if depth == 0 {
        return "…".to_owned();
    }
    let inner = |schema| kind(document, schema, depth - 1);
    if let Some(choices) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let mut kinds: Vec<String> = choices.iter().map(inner).filter(|kind| kind != "null").collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words
            .iter()
            .filter(|word| !word.is_null())
            .map(ToString::to_string)
            .collect();
        return words.join(" or ");
    }
    match type_of(schema) {
        "array" if schema["maxItems"] == 0 => "an empty list".to_owned(),
        "array" => format!(
            "list of {}{}",
            inner(&schema["items"]),
            most(schema, "maxItems", "entries")
        ),
        "string" => match schema["format"].as_str() {
            Some("date-time") => "time (RFC 3339)".to_owned(),
            _ if schema["pattern"]
                .as_str()
                .is_some_and(|pattern| pattern.contains("0-9]{")) =>
            {
                "the same as text".to_owned()
            }
            _ => format!("text{}", most(schema, "maxLength", "characters")),
        },
        number @ ("integer" | "number") => format!("{number}{}", range(schema)),
        "boolean" => "true or false".to_owned(),
        "object" => "object".to_owned(),
        "null" => "null".to_owned(),
        _ => "anything".to_owned(),
    }
}

/// The type, or the one besides null.
fn type_of(schema: &Value) -> &str {
    let several = schema["type"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    schema["type"]
        .as_str()
        .or_else(|| several.into_iter().find(|kind| *kind != "null"))
        .unwrap_or(if schema.get("allOf").is_some() {
            "object"
        } else {
            ""
        })
}

fn most(schema: &Value, bound: &str, unit: &str) -> String {
    schema
        .get(bound)
        .map(|bound| format!(", at most {bound} {unit}"))
        .unwrap_or_default()
}

fn range(schema: &Value) -> String {
    match (schema.get("minimum"), schema.get("maximum")) {
        (Some(least), Some(most)) => format!(", {least} to {most}"),
        (Some(least), None) => format!(", at least {least}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn said(schema: &Value) -> String {
        kind(&json!({}), schema, DEPTH)
    }

    #[test]
    fn schemas_are_told_in_words() {
        let number = json!({"type": "integer", "minimum": 1, "maximum": 100});
        assert_eq!(said(&number), "integer, 1 to 100");
        let either =
            json!({"anyOf": [number, {"type": "string", "pattern": "^[1-9][0-9]{0,1}$"}, {"type": "null"}]});
        assert_eq!(said(&either), "integer, 1 to 100 or the same as text");
        let words = json!({"type": ["string", "null"], "enum": ["chunk", "document", null]});
        assert_eq!(said(&words), "\"chunk\" or \"document\"");
        let list =
            json!({"type": ["array", "null"], "maxItems": 64, "items": {"type": "string", "maxLength": 9}});
        assert_eq!(
            said(&list),
            "list of text, at most 9 characters, at most 64 entries"
        );
        assert_eq!(said(&json!({})), "anything");
    }

    #[test]
    fn fields_of_all_parts_are_there_and_loops_end() {
        let document = json!({"components": {"schemas": {
            "Loop": {"type": "array", "items": {"$ref": "#/components/schemas/Loop"}},
            "Base": {"type": "object", "required": ["a"], "properties": {"a": {"type": "boolean"}}},
        }}});
        let whole = json!({"allOf": [
            {"$ref": "#/components/schemas/Base"},
            {"type": "object", "properties": {"b": {"$ref": "#/components/schemas/Loop", "description": "B."}}},
        ]});
        let fields = fields(&document, &whole);
        assert_eq!(fields.len(), 2);
        assert!(fields[0].is_required && fields[0].kind == "true or false");
        assert!(!fields[1].is_required && fields[1].kind.ends_with('…') && fields[1].about == "B.");
    }
}

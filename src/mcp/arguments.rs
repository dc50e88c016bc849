//! Arguments checked against the tool's schema, so that a model reads which argument is wrong and why.

use rmcp::model::JsonObject;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads the arguments of a tool. Nulls for optional arguments count as absent: models send them often.
pub(super) fn parse<A: DeserializeOwned>(
    schema: &JsonObject,
    mut arguments: JsonObject,
) -> Result<A, String> {
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    arguments.retain(|name, value| !value.is_null() || required.contains(&name.as_str()));
    let empty = JsonObject::new();
    let properties = schema
        .get("properties")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    for (name, value) in &arguments {
        let Some(property) = properties.get(name) else {
            return Err(unknown(name, properties));
        };
        check(name, property, value)?;
    }
    if let Some(missing) = required.iter().find(|name| !arguments.contains_key(**name)) {
        return Err(format!("missing argument `{missing}`"));
    }
    serde_json::from_value(Value::Object(arguments)).map_err(|error| format!("invalid arguments: {error}"))
}

fn unknown(name: &str, properties: &JsonObject) -> String {
    let name: String = name.chars().take(80).collect();
    if properties.is_empty() {
        return format!("unknown argument `{name}`: this tool takes no arguments");
    }
    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
    format!("unknown argument `{name}`; this tool takes: {}", known.join(", "))
}

fn check(name: &str, property: &Value, value: &Value) -> Result<(), String> {
    let types: Vec<&str> = match property.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    if !types.iter().any(|expected| is_of_type(value, expected)) {
        let expected = types
            .into_iter()
            .find(|expected| *expected != "null")
            .unwrap_or("null");
        return Err(format!(
            "argument `{name}` must be {}, got {}",
            with_article(expected),
            type_of(value)
        ));
    }
    if let Some(allowed) = property.get("enum").and_then(Value::as_array)
        && !allowed.contains(value)
    {
        let allowed: Vec<&str> = allowed.iter().filter_map(Value::as_str).collect();
        return Err(format!(
            "argument `{name}` must be one of: {}",
            allowed.join(", ")
        ));
    }
    if let Some(items) = value.as_array()
        && let Some(most) = property.get("maxItems").and_then(Value::as_u64)
        && items.len() as u64 > most
    {
        return Err(format!("argument `{name}` must hold at most {most} items"));
    }
    check_range(name, property, value)
}

fn check_range(name: &str, property: &Value, value: &Value) -> Result<(), String> {
    let Some(number) = value.as_f64() else {
        return Ok(());
    };
    let bound = |keyword| property.get(keyword).and_then(Value::as_f64);
    let (least, most) = (bound("minimum"), bound("maximum"));
    if least.is_none_or(|least| number >= least) && most.is_none_or(|most| number <= most) {
        return Ok(());
    }
    Err(match (least, most) {
        (Some(least), Some(most)) => format!("argument `{name}` must be between {least} and {most}"),
        (Some(least), None) => format!("argument `{name}` must be at least {least}"),
        (_, most) => format!("argument `{name}` must be at most {}", most.unwrap_or_default()),
    })
}

fn is_of_type(value: &Value, expected: &str) -> bool {
    match expected {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

fn with_article(kind: &str) -> String {
    let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {kind}")
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mcp::schema;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Deserialize, schemars::JsonSchema, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        query: String,
        #[serde(default = "ten")]
        #[schemars(range(min = 1, max = 100))]
        limit: i64,
        #[serde(default)]
        score: f64,
        note: Option<String>,
        #[serde(default)]
        #[schemars(length(max = 2))]
        prefixes: Vec<String>,
    }

    fn ten() -> i64 {
        10
    }

    fn read(arguments: Value) -> Result<Sample, String> {
        let Value::Object(arguments) = arguments else {
            panic!("not an object")
        };
        parse(&schema::of_arguments::<Sample>(), arguments)
    }

    #[test]
    fn defaults_and_nulls_are_filled() {
        let sample = read(json!({"query": "x", "limit": null, "note": null})).unwrap();
        assert_eq!(
            sample,
            Sample {
                query: "x".into(),
                limit: 10,
                score: 0.0,
                note: None,
                prefixes: vec![]
            }
        );
    }

    #[test]
    fn m04_each_fault_names_its_argument() {
        for (arguments, expected) in [
            (json!({}), "missing argument `query`"),
            (
                json!({"query": null}),
                "argument `query` must be a string, got null",
            ),
            (
                json!({"query": 7}),
                "argument `query` must be a string, got an integer",
            ),
            (
                json!({"query": "x", "limit": "5"}),
                "argument `limit` must be an integer, got a string",
            ),
            (
                json!({"query": "x", "limit": 1.5}),
                "argument `limit` must be an integer, got a fraction",
            ),
            (
                json!({"query": "x", "limit": 0}),
                "argument `limit` must be between 1 and 100",
            ),
            (
                json!({"query": "x", "limit": -1}),
                "argument `limit` must be between 1 and 100",
            ),
            (
                json!({"query": "x", "limit": 1_000_000_000_000u64}),
                "argument `limit` must be between 1 and 100",
            ),
            (
                json!({"query": "x", "limit": u64::MAX}),
                "argument `limit` must be between 1 and 100",
            ),
            (
                json!({"query": "x", "score": "NaN"}),
                "argument `score` must be a number, got a string",
            ),
            (
                json!({"query": "x", "note": []}),
                "argument `note` must be a string, got an array",
            ),
            (
                json!({"query": "x", "prefixes": ["a", "b", "c"]}),
                "argument `prefixes` must hold at most 2 items",
            ),
            (
                json!({"query": "x", "user_id": "bob"}),
                "unknown argument `user_id`; this tool takes: query, limit, score, note, prefixes",
            ),
        ] {
            assert_eq!(read(arguments.clone()).unwrap_err(), expected, "{arguments}");
        }
    }
}

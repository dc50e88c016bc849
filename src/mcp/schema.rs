//! JSON schemas of arguments and results, kept small: `tools/list` is sent to a model with every conversation.

use rmcp::model::JsonObject;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;
use std::sync::Arc;

/// What a tool takes.
pub(super) fn of_arguments<T: JsonSchema>() -> Arc<JsonObject> {
    let mut schema = root::<T>(SchemaSettings::draft2020_12());
    strip(&mut schema, Strip::Formats);
    object(schema)
}

/// What a tool returns, without prose: names say it.
pub(super) fn of_result<T: JsonSchema>() -> Arc<JsonObject> {
    let mut schema = root::<T>(SchemaSettings::draft2020_12().for_serialize());
    strip(&mut schema, Strip::FormatsAndProse);
    object(schema)
}

fn root<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let settings = settings.with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

fn object(schema: Value) -> Arc<JsonObject> {
    match schema {
        Value::Object(mut object) => {
            object.remove("title");
            object.remove("description");
            object
                .entry("properties")
                .or_insert_with(|| Value::Object(JsonObject::new()));
            Arc::new(object)
        }
        _ => Arc::default(),
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Strip {
    Formats,
    FormatsAndProse,
}

/// Removes what says nothing to a model: number formats, and in results the descriptions.
fn strip(schema: &mut Value, what: Strip) {
    match schema {
        Value::Object(object) => {
            object.remove("format");
            collapse_choice(object);
            if what == Strip::FormatsAndProse && object.get("description").is_some_and(Value::is_string) {
                object.remove("description");
            }
            for (key, value) in object {
                if key == "properties" {
                    // The keys below are names of fields, not keywords.
                    if let Value::Object(fields) = value {
                        fields.values_mut().for_each(|field| strip(field, what));
                    }
                } else {
                    strip(value, what);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, what)),
        _ => {}
    }
}

/// Turns `oneOf` constants, each with its prose, into a plain `enum`.
fn collapse_choice(object: &mut JsonObject) {
    let constants: Option<Vec<Value>> = object.get("oneOf").and_then(Value::as_array).and_then(|choices| {
        choices
            .iter()
            .map(|choice| choice.get("const").cloned())
            .collect()
    });
    if let Some(constants) = constants {
        object.remove("oneOf");
        object.insert("type".into(), "string".into());
        object.insert("enum".into(), constants.into());
    }
}

//! The shape of a body: what stays the same when values change.

use std::collections::BTreeSet;

use serde_json::Value;

/// The paths of a JSON document with the type at each, list items merged: `$.ocs.meta.status string`.
pub fn json_shape(value: &Value) -> BTreeSet<String> {
    let mut shape = BTreeSet::new();
    describe("$", value, &mut shape);
    shape
}

fn describe(path: &str, value: &Value, shape: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    shape.insert(format!("{path} {kind}"));
    match value {
        Value::Array(items) => {
            for item in items {
                describe(&format!("{path}[]"), item, shape);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                describe(&format!("{path}.{name}"), field, shape);
            }
        }
        _ => {}
    }
}

/// The element paths of an XML document, siblings of one name merged: `d:multistatus/d:response/d:href`.
pub fn xml_shape(text: &str) -> BTreeSet<String> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::reader::Reader::from_str(text);
    let mut open: Vec<String> = Vec::new();
    let mut shape = BTreeSet::new();
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => {
                open.push(tag.name().as_ref().to_owned());
                shape.insert(open.join("/"));
            }
            Event::Empty(tag) => {
                shape.insert([&open[..], &[tag.name().as_ref().to_owned()]].concat().join("/"));
            }
            Event::End(_) => {
                open.pop();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    shape
}

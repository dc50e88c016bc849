//! The OCS envelope in JSON or, unless asked for JSON, XML.

use serde_json::{Map, Value, json};

use crate::dav::escape;
use crate::http::{Incoming, Reply};

/// The `meta` object; v1 has two fields more.
pub(super) fn meta(v1: bool, status: &str, code: u16, message: &str) -> Value {
    let mut meta = Map::new();
    meta.insert("status".to_owned(), json!(status));
    meta.insert("statuscode".to_owned(), json!(code));
    meta.insert("message".to_owned(), json!(message));
    if v1 {
        meta.insert("totalitems".to_owned(), json!(""));
        meta.insert("itemsperpage".to_owned(), json!(""));
    }
    Value::Object(meta)
}

/// Wraps `meta` and `data` in the format that was asked for.
pub(super) fn reply(request: &Incoming, status: u16, meta: &Value, data: &Value) -> Reply {
    let wants_json = match request.query_value("format") {
        Some(format) => format == "json",
        None => request
            .header("accept")
            .is_some_and(|accept| accept.contains("application/json")),
    };
    if wants_json {
        let body = json!({"ocs": {"meta": meta, "data": data}}).to_string();
        return super::finish(status, "json", body);
    }
    let mut body = String::from("<?xml version=\"1.0\"?>\n<ocs>\n");
    element(&mut body, " ", "meta", meta);
    element(&mut body, " ", "data", data);
    body.push_str("</ocs>\n");
    super::finish(status, "xml", body)
}

/// One element, in the manner of PHP's writer: arrays become `<element>`s, nothing becomes an empty tag.
fn element(out: &mut String, indent: &str, name: &str, value: &Value) {
    let deeper = format!("{indent} ");
    let line = match value {
        Value::Null => format!("{indent}<{name}/>\n"),
        Value::Array(items) if items.is_empty() => format!("{indent}<{name}/>\n"),
        Value::Bool(on) => format!("{indent}<{name}>{}</{name}>\n", if *on { "1" } else { "" }),
        Value::Number(number) => format!("{indent}<{name}>{number}</{name}>\n"),
        Value::String(text) => format!("{indent}<{name}>{}</{name}>\n", escape(text)),
        Value::Array(items) => {
            out.extend([indent, "<", name, ">\n"]);
            for item in items {
                element(out, &deeper, "element", item);
            }
            format!("{indent}</{name}>\n")
        }
        Value::Object(fields) => {
            out.extend([indent, "<", name, ">\n"]);
            for (key, field) in fields {
                element(out, &deeper, key, field);
            }
            format!("{indent}</{name}>\n")
        }
    };
    out.push_str(&line);
}

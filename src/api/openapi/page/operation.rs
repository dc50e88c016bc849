//! Operations as the page shows them.

use super::fields::{Field, field, fields, resolved};
use serde_json::Value;

/// Operations that belong together.
pub(super) struct Group {
    /// Its name.
    pub(super) name: String,
    /// What they are for.
    pub(super) about: String,
    /// Its operations, by path.
    pub(super) operations: Vec<Operation>,
}

/// One operation.
pub(super) struct Operation {
    /// Anchor in the page.
    pub(super) id: String,
    /// `GET` …
    pub(super) method: String,
    /// With its parameters in braces.
    pub(super) path: String,
    /// What it does, in one sentence.
    pub(super) summary: String,
    /// What else is to be known.
    pub(super) about: String,
    /// How to sign in.
    pub(super) ways: Vec<String>,
    /// In path and query.
    pub(super) parameters: Vec<Field>,
    /// What is sent.
    pub(super) body: Option<Content>,
    /// What is answered, by status.
    pub(super) answers: Vec<Answer>,
}

/// A body.
pub(super) struct Content {
    /// What is to be known of it.
    pub(super) about: String,
    /// The fields of an object.
    pub(super) fields: Vec<Field>,
    /// JSON.
    pub(super) example: Option<String>,
}

/// An answer.
pub(super) struct Answer {
    /// The status code.
    pub(super) status: String,
    /// When it comes.
    pub(super) about: String,
    /// Its headers of interest.
    pub(super) headers: Vec<String>,
    /// Its body, where that is not the one of all errors.
    pub(super) body: Option<Content>,
}

/// The operations of a document, in its groups.
pub(super) fn groups(document: &Value) -> Vec<Group> {
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.map(|tag| Group {
        name: text(&tag["name"]),
        about: text(&tag["description"]),
        operations: operations(document, &text(&tag["name"])),
    })
    .collect()
}

fn operations(document: &Value, group: &str) -> Vec<Operation> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        let methods = item.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path, method, operation))
    });
    all.filter(|(_, _, operation)| operation["tags"][0] == group)
        .map(|(path, method, operation)| Operation::of(document, path, method, operation))
        .collect()
}

impl Operation {
    fn of(document: &Value, path: &str, method: &str, operation: &Value) -> Self {
        let words = path
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| !word.is_empty());
        let ways = operation["security"].as_array().into_iter().flatten();
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let answers = operation["responses"].as_object().into_iter().flatten();
        let body = &operation["requestBody"];
        Self {
            id: std::iter::once(method).chain(words).collect::<Vec<_>>().join("-"),
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            about: text(&operation["description"]),
            ways: ways
                .filter_map(Value::as_object)
                .flat_map(serde_json::Map::keys)
                .cloned()
                .collect(),
            parameters: parameters
                .map(|parameter| of_parameter(document, parameter))
                .collect(),
            body: body.is_object().then(|| Content::of(document, body)),
            answers: answers
                .map(|(status, answer)| Answer::of(document, status, answer))
                .collect(),
        }
    }
}

impl Content {
    fn of(document: &Value, content: &Value) -> Self {
        let json = &content["content"]["application/json"];
        Self {
            about: text(&content["description"]),
            fields: fields(document, &json["schema"]),
            example: json
                .get("example")
                .and_then(|example| serde_json::to_string_pretty(example).ok()),
        }
    }
}

impl Answer {
    fn of(document: &Value, status: &str, answer: &Value) -> Self {
        let is_shared = answer.get("$ref").is_some();
        let answer = resolved(document, answer);
        let headers = answer["headers"].as_object().into_iter().flatten();
        Self {
            status: status.to_owned(),
            about: text(&answer["description"]),
            headers: headers.map(|(name, _)| name.clone()).collect(),
            body: (!is_shared).then(|| Content {
                about: String::new(),
                ..Content::of(document, answer)
            }),
        }
    }
}

fn of_parameter(document: &Value, parameter: &Value) -> Field {
    let known = field(
        document,
        &text(&parameter["name"]),
        &parameter["schema"],
        parameter["required"] == true,
    );
    let own = text(&parameter["description"]);
    Field {
        about: if own.is_empty() { known.about } else { own },
        ..known
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

//! A row as Markdown, with the titles of its columns. It is the same for all readers of the table.

use crate::nextcloud::{Row, Table, TableColumn};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;
use std::fmt::Write as _;

/// What the text is.
pub(super) const MIME: &str = "text/markdown";

/// Longest title, in characters.
const MAX_TITLE: usize = 120;

/// The first text of the row, else its number.
pub(super) fn title(columns: &[TableColumn], row: &Row) -> String {
    let text = columns
        .iter()
        .filter(|column| column.kind == "text")
        .find_map(|column| value(column, row))
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    match text {
        Some(text) if text.chars().count() > MAX_TITLE => {
            text.chars().take(MAX_TITLE - 1).chain(['…']).collect()
        }
        Some(text) => text,
        None => format!("Row {}", row.id),
    }
}

/// `/<table>/<title>`.
pub(super) fn path(table: &Table, columns: &[TableColumn], row: &Row) -> String {
    let segment = |text: &str| match text.trim().replace('/', "-") {
        text if text.is_empty() => "-".to_owned(),
        text => text,
    };
    format!("/{}/{}", segment(&table.title), segment(&title(columns, row)))
}

/// Last change.
pub(super) fn modified(row: &Row) -> Option<DateTime<Utc>> {
    let text = row.last_edit.as_deref()?;
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").ok()?;
    Some(time.and_utc())
}

/// The whole text: one line per cell, cells of several lines below.
pub(super) fn text(table: &Table, columns: &[TableColumn], row: &Row) -> String {
    let mut text = format!("{}\n\n- Table: {}\n", title(columns, row), table.title.trim());
    let mut below = String::new();
    for column in columns {
        let Some(value) = value(column, row) else {
            continue;
        };
        // A String never fails to be written to.
        let _ = if value.contains('\n') {
            write!(below, "\n## {}\n\n{value}\n", column.title.trim())
        } else {
            writeln!(text, "- {}: {value}", column.title.trim())
        };
    }
    text + &below
}

/// A cell's value in words; `None` for an empty one.
fn value(column: &TableColumn, row: &Row) -> Option<String> {
    let cell = row.data.iter().find(|cell| cell.column == column.id)?;
    let words = words(column, &cell.value);
    let words = words.trim();
    (!words.is_empty()).then(|| words.to_owned())
}

fn words(column: &TableColumn, value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Array(values) => {
            let words = values
                .iter()
                .map(|value| words(column, value))
                .filter(|words| !words.is_empty());
            words.collect::<Vec<_>>().join(", ")
        }
        Value::String(text) => of_string(column, text),
        Value::Number(number) if column.kind == "selection" => number
            .as_i64()
            .and_then(|id| column.option(id))
            .map_or_else(|| number.to_string(), str::to_owned),
        Value::Number(number) if column.kind == "number" => format!(
            "{}{number}{}",
            column.prefix.as_deref().unwrap_or_default(),
            column.suffix.as_deref().unwrap_or_default()
        ),
        Value::Number(number) => number.to_string(),
        Value::Bool(yes) => (if *yes { "yes" } else { "no" }).to_owned(),
        // People, groups and links say how they are called.
        Value::Object(object) => ["displayName", "title", "label", "value", "id"]
            .iter()
            .find_map(|name| object.get(*name).and_then(Value::as_str))
            .unwrap_or_default()
            .to_owned(),
    }
}

/// Some columns keep JSON in a text: selections their options, links a title and an address.
fn of_string(column: &TableColumn, text: &str) -> String {
    let checked = column.kind == "selection" && column.subtype.as_deref() == Some("check");
    match (column.kind.as_str(), text) {
        (_, "true") if checked => "yes".to_owned(),
        (_, "false") if checked => "no".to_owned(),
        ("selection", _) if text.starts_with('[') || text.parse::<i64>().is_ok() => {
            serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value: Value| words(column, &value))
        }
        ("text", _) if column.subtype.as_deref() == Some("link") => link(text),
        _ => text.to_owned(),
    }
}

fn link(text: &str) -> String {
    let Ok(Value::Object(link)) = serde_json::from_str(text) else {
        return text.to_owned();
    };
    let part = |name: &str| link.get(name).and_then(Value::as_str).unwrap_or_default();
    let address = [part("value"), part("resourceUrl")]
        .into_iter()
        .find(|text| !text.is_empty());
    match (part("title"), address.unwrap_or_default()) {
        ("", address) => address.to_owned(),
        (title, "") => title.to_owned(),
        (title, address) if title == address => title.to_owned(),
        (title, address) => format!("{title} ({address})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        serde_json::from_str(r#"{"id": 1, "title": "Ships"}"#).unwrap()
    }

    fn columns() -> Vec<TableColumn> {
        serde_json::from_str(
            r#"[{"id": 1, "title": "Length", "type": "number", "numberSuffix": " m"},
                {"id": 2, "title": "Name", "type": "text", "subtype": "line"},
                {"id": 3, "title": "State", "type": "selection", "selectionOptions": [{"id": 0, "label": "afloat"}]},
                {"id": 4, "title": "Flags", "type": "selection", "subtype": "multi",
                 "selectionOptions": [{"id": 1, "label": "fast"}, {"id": 2, "label": "old"}]},
                {"id": 5, "title": "Insured", "type": "selection", "subtype": "check"},
                {"id": 6, "title": "Site", "type": "text", "subtype": "link"},
                {"id": 7, "title": "Notes", "type": "text", "subtype": "rich"},
                {"id": 8, "title": "Captain", "type": "usergroup"},
                {"id": 9, "title": "Built", "type": "datetime"}]"#,
        )
        .unwrap()
    }

    fn row(data: &str) -> Row {
        serde_json::from_str(&format!(
            r#"{{"id": 5, "tableId": 1, "lastEditAt": "2026-11-23 05:12:57", "data": {data}}}"#
        ))
        .unwrap()
    }

    #[test]
    fn a_row_is_told_with_the_titles_of_its_columns() {
        let row = row(
            r#"[{"columnId": 1, "value": 34.5}, {"columnId": 2, "value": "Aurora/II"},
            {"columnId": 3, "value": 0}, {"columnId": 4, "value": "[1,2]"}, {"columnId": 5, "value": "true"},
            {"columnId": 6, "value": "{\"title\":\"Home\",\"value\":\"https://x.test\"}"},
            {"columnId": 7, "value": "one\ntwo"}, {"columnId": 8, "value": [{"id": "bob", "displayName": "Bob"}]},
            {"columnId": 9, "value": "1999-01-02"}, {"columnId": 77, "value": "of a column that is gone"}]"#,
        );
        assert_eq!(
            text(&table(), &columns(), &row),
            "Aurora/II\n\n- Table: Ships\n- Length: 34.5 m\n- Name: Aurora/II\n- State: afloat\n- Flags: fast, old\n\
             - Insured: yes\n- Site: Home (https://x.test)\n- Captain: Bob\n- Built: 1999-01-02\n\n## Notes\n\none\ntwo\n"
        );
        assert_eq!(path(&table(), &columns(), &row), "/Ships/Aurora-II");
        assert_eq!(modified(&row).unwrap().to_rfc3339(), "2026-11-23T05:12:57+00:00");
    }

    #[test]
    fn a_row_without_text_is_named_by_its_number() {
        let row = row(r#"[{"columnId": 1, "value": 3}, {"columnId": 2, "value": null}]"#);
        assert_eq!(title(&columns(), &row), "Row 5");
        assert_eq!(
            text(&table(), &columns(), &row),
            "Row 5\n\n- Table: Ships\n- Length: 3 m\n"
        );
    }
}

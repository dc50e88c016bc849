//! Tables, columns and rows as JSON (`tables/*` of the recordings).

use serde_json::{Map, Value, json};

use super::data::{Column, Row, Table};
use crate::world::State;

/// A time as Tables writes it.
fn time(seconds: i64) -> String {
    let time = chrono::DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    time.format("%Y-%m-%d %H:%M:%S").to_string()
}

pub(super) fn table(state: &State, uid: &str, table: &Table) -> Value {
    json!({
        "id": table.id,
        "title": table.title,
        "emoji": if table.id == 1 { json!("🚀") } else { Value::Null },
        "ownership": table.owner,
        "ownerDisplayName": state.display_name(&table.owner),
        "createdBy": table.owner,
        "createdAt": time(table.created),
        "lastEditBy": table.owner,
        "lastEditAt": time(table.created),
        "archived": table.archived,
        "isShared": table.owner != uid,
        "favorite": false,
        "onSharePermissions": {"read": true, "create": false, "update": false, "delete": false, "manage": false},
        "hasShares": !table.readers.is_empty(),
        "rowsCount": state.tables.rows_of(table.id).count(),
        "columnsCount": table.columns.len(),
        "description": "",
        "views": [],
        "columnOrder": [],
        "sort": [],
    })
}

pub(super) fn column(state: &State, table: &Table, column: &Column) -> Value {
    json!({
        "id": column.id,
        "uuid": format!("01a206c5-b1b0-7064-b2d5-{:012x}", column.id),
        "tableId": table.id,
        "title": column.title,
        "technicalName": technical_name(column.id),
        "createdBy": table.owner,
        "createdByDisplayName": state.display_name(&table.owner),
        "createdAt": time(column.created),
        "lastEditBy": table.owner,
        "lastEditByDisplayName": state.display_name(&table.owner),
        "lastEditAt": time(column.created),
        "viewColumnInformation": null,
        "type": column.kind,
        "subtype": if column.kind == "text" { "line" } else { "" },
        "mandatory": false,
        "description": "",
        "numberDefault": null,
        "numberMin": null,
        "numberMax": null,
        "numberDecimals": 0,
        "numberPrefix": "",
        "numberSuffix": "",
        "textDefault": null,
        "textAllowedPattern": null,
        "textMaxLength": null,
        "textUnique": false,
        "selectionOptions": [],
        "selectionDefault": "null",
        "datetimeDefault": "",
        "usergroupDefault": [],
        "usergroupMultipleItems": false,
        "usergroupSelectUsers": false,
        "usergroupSelectGroups": false,
        "usergroupSelectTeams": false,
        "showUserStatus": false,
        "customSettings": {},
    })
}

fn technical_name(column: i64) -> String {
    format!("column_{column}")
}

pub(super) fn row(row: &Row) -> Value {
    let mut value = cells(row);
    value["createdBy"] = json!(row.author);
    value["createdAt"] = json!(time(row.created));
    value["lastEditBy"] = json!(row.author);
    value["lastEditAt"] = json!(time(row.edited));
    value
}

/// A row as it was just made: nobody made it, at no time (facts §8).
pub(super) fn new_row(row: &Row) -> Value {
    let mut value = cells(row);
    for name in ["createdBy", "createdAt", "lastEditBy", "lastEditAt"] {
        value[name] = Value::Null;
    }
    value
}

fn cells(row: &Row) -> Value {
    let cell = |column: &i64, value: &Value| json!({"columnId": column, "value": value});
    let data: Vec<Value> = row
        .cells
        .iter()
        .map(|(column, value)| cell(column, value))
        .collect();
    let by_alias: Map<String, Value> = row
        .cells
        .iter()
        .map(|(column, value)| (technical_name(*column), cell(column, value)))
        .collect();
    json!({"id": row.id, "tableId": row.table, "data": data, "dataByAlias": by_alias})
}

/// The titles of the columns, and the values of each row.
pub(super) fn simple(state: &State, table: &Table) -> Value {
    let titles: Vec<Value> = table.columns.iter().map(|column| json!(column.title)).collect();
    let values = |row: &Row| -> Value {
        let value = |column: &Column| row.cells.get(&column.id).cloned().unwrap_or(json!(""));
        table.columns.iter().map(value).collect()
    };
    std::iter::once(Value::Array(titles))
        .chain(state.tables.rows_of(table.id).map(values))
        .collect()
}

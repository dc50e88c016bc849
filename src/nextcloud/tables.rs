//! Tables API v1 (facts §8): tables, their columns and rows.

use super::http::{Answer, Call};
use super::{NextcloudError, UserSession};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::HashSet;

/// Largest answer to a question about rows that are already known, in bytes.
const CHECK_LIMIT: u64 = 8 * 1024 * 1024;

const BASE: &str = "/index.php/apps/tables/api/1";

/// A table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Table {
    /// Id.
    pub id: i64,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// Put away.
    #[serde(default)]
    pub archived: bool,
    /// It belongs to somebody else.
    #[serde(default, rename = "isShared")]
    pub is_shared: bool,
    /// What the share allows, where it is somebody else's.
    #[serde(default, rename = "onSharePermissions")]
    permissions: Option<Permissions>,
    /// Last change of the table itself.
    #[serde(default, rename = "lastEditAt")]
    pub last_edit: Option<String>,
}

/// What a share allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
struct Permissions {
    #[serde(default)]
    read: bool,
    #[serde(default)]
    manage: bool,
}

impl Table {
    /// Whether this user may read its rows.
    pub fn is_readable(&self) -> bool {
        !self.is_shared || self.permissions.is_some_and(|may| may.read || may.manage)
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TableColumn {
    /// Id.
    pub id: i64,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// `text`, `number`, `selection`, `datetime`, `usergroup` …
    #[serde(default, rename = "type")]
    pub kind: String,
    /// `line`, `rich`, `link`, `multi`, `check`, `stars` …
    #[serde(default)]
    pub subtype: Option<String>,
    /// What stands before a number.
    #[serde(default, rename = "numberPrefix")]
    pub prefix: Option<String>,
    /// What stands after a number.
    #[serde(default, rename = "numberSuffix")]
    pub suffix: Option<String>,
    /// What can be selected.
    #[serde(default, rename = "selectionOptions")]
    options: Value,
}

impl TableColumn {
    /// The label of a selection's option.
    pub fn option(&self, id: i64) -> Option<&str> {
        let options = self.options.as_array()?;
        let option = options
            .iter()
            .find(|option| option.get("id").and_then(Value::as_i64) == Some(id))?;
        option.get("label").and_then(Value::as_str)
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Row {
    /// Id, unique among all tables.
    pub id: i64,
    /// Its table.
    #[serde(default, rename = "tableId")]
    pub table_id: i64,
    /// Last change, in UTC, as Tables writes it: `2026-11-23 05:12:57`.
    #[serde(default, rename = "lastEditAt")]
    pub last_edit: Option<String>,
    /// Its cells; empty ones are missing.
    #[serde(default)]
    pub data: Vec<Cell>,
}

/// A row without its cells.
#[derive(Debug, Deserialize)]
struct RowPlace {
    id: i64,
    #[serde(default, rename = "tableId")]
    table_id: i64,
}

/// A cell of a row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Cell {
    /// The column.
    #[serde(rename = "columnId")]
    pub column: i64,
    /// The value, whose shape depends on the column.
    #[serde(default)]
    pub value: Value,
}

/// The native id of a row's document: Tables names rows without their table, but shows them by table only.
pub mod row_id {
    /// `<table>/<row>`.
    pub fn native_id(table: i64, row: i64) -> String {
        format!("{table}/{row}")
    }

    /// Table and row of a native id; `None` for what is none.
    pub fn parse(native_id: &str) -> Option<(i64, i64)> {
        let (table, row) = native_id.split_once('/')?;
        Some((table.parse().ok()?, row.parse().ok()?))
    }
}

impl UserSession {
    /// `GET /tables`: the tables that the user sees, shared ones included. [`NextcloudError::NotFound`] when Tables is
    /// away.
    pub async fn tables(&self) -> Result<Vec<Table>, NextcloudError> {
        self.tables_json("/tables".to_owned()).await
    }

    /// `GET /tables/{id}/columns`. A table that is not this user's, or not there, is [`NextcloudError::NotFound`].
    pub async fn table_columns(&self, table: i64) -> Result<Vec<TableColumn>, NextcloudError> {
        self.tables_json(format!("/tables/{table}/columns")).await
    }

    /// `GET /tables/{id}/rows`: all rows in one answer. Errors as [`UserSession::table_columns`].
    pub async fn table_rows(&self, table: i64) -> Result<Vec<Row>, NextcloudError> {
        self.tables_json(format!("/tables/{table}/rows")).await
    }

    /// `GET /rows/{id}`. A row that is not there is [`NextcloudError::NotFound`].
    pub async fn table_row(&self, row: i64) -> Result<Row, NextcloudError> {
        self.tables_json(format!("/rows/{row}")).await
    }

    /// Those of `rows` that are in a table and readable now. One request, whose answer has all rows; of a table that is
    /// too large for that, one more for each row that is asked about. Errors as [`UserSession::table_columns`].
    pub async fn table_rows_present(&self, table: i64, rows: &[i64]) -> Result<HashSet<i64>, NextcloudError> {
        let listed: Result<Vec<RowPlace>, _> = self
            .tables_json_within(format!("/tables/{table}/rows"), CHECK_LIMIT)
            .await;
        match listed {
            Ok(listed) => {
                let listed: HashSet<i64> = listed.iter().map(|row| row.id).collect();
                Ok(rows.iter().copied().filter(|row| listed.contains(row)).collect())
            }
            // The table answered, so this user may read its rows; what is left to ask is which are there.
            Err(NextcloudError::TooLarge { .. }) => {
                let mut present = HashSet::new();
                for row in rows {
                    match self.tables_json_within(format!("/rows/{row}"), CHECK_LIMIT).await {
                        Ok(RowPlace { id, table_id }) if id == *row && table_id == table => {
                            present.insert(id);
                        }
                        Ok(_) | Err(NextcloudError::NotFound(_) | NextcloudError::Forbidden(_)) => {}
                        Err(error) => return Err(error),
                    }
                }
                Ok(present)
            }
            Err(error) => Err(error),
        }
    }

    async fn tables_json<T: DeserializeOwned>(&self, path: String) -> Result<T, NextcloudError> {
        self.tables_call(path).await?.json().await
    }

    async fn tables_json_within<T: DeserializeOwned>(
        &self,
        path: String,
        limit: u64,
    ) -> Result<T, NextcloudError> {
        self.tables_call(path).await?.json_within(limit).await
    }

    async fn tables_call(&self, path: String) -> Result<Answer, NextcloudError> {
        let call = Call::get(format!("{BASE}{path}")).header("accept", "application/json")?;
        self.send(call).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_without_the_right_to_read_shows_no_rows() {
        let readable = |json: &str| serde_json::from_str::<Table>(json).unwrap().is_readable();
        assert!(readable(
            r#"{"id": 1, "isShared": false, "onSharePermissions": {"read": false}}"#
        ));
        assert!(readable(
            r#"{"id": 1, "isShared": true, "onSharePermissions": {"read": true}}"#
        ));
        assert!(!readable(
            r#"{"id": 1, "isShared": true, "onSharePermissions": {"read": false}}"#
        ));
        assert!(!readable(r#"{"id": 1, "isShared": true}"#));
    }

    #[test]
    fn ids_name_table_and_row() {
        assert_eq!(row_id::parse(&row_id::native_id(1, 5)), Some((1, 5)));
        for wrong in ["5", "1/5/9", "a/5", "1/", ""] {
            assert_eq!(row_id::parse(wrong), None);
        }
    }

    #[test]
    fn options_are_found_by_id() {
        let column: TableColumn =
            serde_json::from_str(r#"{"id": 1, "selectionOptions": [{"id": 0, "label": "open"}, {"id": 1}]}"#)
                .unwrap();
        assert_eq!(column.option(0), Some("open"));
        assert_eq!(column.option(1), None);
        assert_eq!(column.option(2), None);
    }
}

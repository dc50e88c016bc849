//! Tables with their columns and rows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Everything of the Tables app.
#[derive(Debug, Default)]
pub(crate) struct TablesState {
    pub(crate) enabled: bool,
    pub(super) tables: BTreeMap<i64, Table>,
    pub(super) rows: BTreeMap<i64, Row>,
    last_row: i64,
    last_column: i64,
}

#[derive(Debug)]
pub(super) struct Table {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) owner: String,
    pub(super) archived: bool,
    pub(super) created: i64,
    pub(super) columns: Vec<Column>,
    /// Accounts that may read it.
    pub(super) readers: BTreeSet<String>,
}

#[derive(Debug)]
pub(super) struct Column {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) kind: String,
    pub(super) created: i64,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: i64,
    pub(super) table: i64,
    pub(super) author: String,
    pub(super) created: i64,
    pub(super) edited: i64,
    pub(super) cells: BTreeMap<i64, Value>,
}

impl TablesState {
    /// A table that this account sees.
    pub(super) fn table_of(&self, uid: &str, id: i64) -> Option<&Table> {
        self.tables
            .get(&id)
            .filter(|table| table.owner == uid || table.readers.contains(uid))
    }

    /// A row of a table that this account sees.
    pub(super) fn row_of(&self, uid: &str, id: i64) -> Option<&Row> {
        self.rows
            .get(&id)
            .filter(|row| self.table_of(uid, row.table).is_some())
    }

    pub(super) fn rows_of(&self, table: i64) -> impl Iterator<Item = &Row> {
        self.rows.values().filter(move |row| row.table == table)
    }

    pub(super) fn add_table(&mut self, uid: &str, title: &str, now: i64) -> i64 {
        let id = self.tables.last_key_value().map_or(1, |(id, _)| id + 1);
        let table = Table {
            id,
            title: title.to_owned(),
            owner: uid.to_owned(),
            archived: false,
            created: now,
            columns: Vec::new(),
            readers: BTreeSet::new(),
        };
        self.tables.insert(id, table);
        id
    }

    pub(super) fn add_column(&mut self, table: i64, title: &str, kind: &str, now: i64) -> Option<i64> {
        let table = self.tables.get_mut(&table)?;
        self.last_column += 1;
        table.columns.push(Column {
            id: self.last_column,
            title: title.to_owned(),
            kind: kind.to_owned(),
            created: now,
        });
        Some(self.last_column)
    }

    pub(super) fn add_row(
        &mut self,
        uid: &str,
        table: i64,
        cells: BTreeMap<i64, Value>,
        now: i64,
    ) -> Option<i64> {
        self.tables.get(&table)?;
        self.last_row += 1;
        let row = Row {
            id: self.last_row,
            table,
            author: uid.to_owned(),
            created: now,
            edited: now,
            cells,
        };
        self.rows.insert(row.id, row);
        Some(self.last_row)
    }
}

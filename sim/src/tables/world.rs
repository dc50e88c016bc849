//! [`World`]: tables, columns, rows and their readers.

use serde_json::Value;

use crate::world::World;

impl World {
    /// Installs or removes the Tables app; without it its routes are 404 pages and it is in nobody's menu. It is not
    /// installed at the start.
    pub fn tables_app_enabled(&self, on: bool) {
        self.write().tables.enabled = on;
    }

    /// Creates a table with text columns of these titles and returns its id; installs Tables.
    pub fn add_table(&self, uid: &str, title: &str, columns: &[&str]) -> i64 {
        let mut state = self.write();
        state.tables.enabled = true;
        let now = state.now();
        let id = state.tables.add_table(uid, title, now);
        for column in columns {
            state.tables.add_column(id, column, "text", now);
        }
        id
    }

    /// Gives another account a table to read.
    ///
    /// # Panics
    /// If there is no such table, as all methods for tables.
    pub fn share_table(&self, table: i64, uid: &str) {
        self.edit_table(table, |table| {
            table.readers.insert(uid.to_owned());
        });
    }

    /// Takes it back.
    pub fn unshare_table(&self, table: i64, uid: &str) {
        self.edit_table(table, |table| {
            table.readers.remove(uid);
        });
    }

    /// Gives a column of a table another title.
    ///
    /// # Panics
    /// If the table has no such column.
    pub fn rename_column(&self, table: i64, from: &str, to: &str) {
        self.edit_table(table, |table| {
            let column = table.columns.iter_mut().find(|column| column.title == from);
            let column = column.unwrap_or_else(|| panic!("no column {from}"));
            to.clone_into(&mut column.title);
        });
    }

    /// Adds a row with texts in the order of the columns, in the name of the table's owner, and returns its id.
    ///
    /// # Panics
    /// If there is no such table.
    pub fn add_row(&self, table: i64, values: &[&str]) -> i64 {
        let mut state = self.write();
        let now = state.now();
        let found = state
            .tables
            .tables
            .get(&table)
            .unwrap_or_else(|| panic!("no table {table}"));
        let owner = found.owner.clone();
        let cells = found
            .columns
            .iter()
            .zip(values)
            .map(|(column, value)| (column.id, Value::from(*value)))
            .collect();
        let row = state.tables.add_row(&owner, table, cells, now);
        row.unwrap_or_else(|| panic!("no table {table}"))
    }

    /// Deletes a row.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn delete_row(&self, row: i64) {
        assert!(self.write().tables.rows.remove(&row).is_some(), "no row {row}");
    }

    fn edit_table(&self, table: i64, change: impl FnOnce(&mut super::data::Table)) {
        let mut state = self.write();
        let found = state.tables.tables.get_mut(&table);
        change(found.unwrap_or_else(|| panic!("no table {table}")));
    }
}

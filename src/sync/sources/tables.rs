//! Rows of tables. A table is a part.
//!
//! Tables has no `ETag` and no token, so each scan reads every readable table: its columns and its rows, two requests.
//! Nothing is indexed again as long as the text of a row stays the same.

mod row_text;

use super::{Content, Coverage, Event, KnownState, ListedItem, Sink, Source, WantedItem};
use crate::nextcloud::row_id;
use crate::nextcloud::{NextcloudError, Row, Table, TableColumn};
use crate::sync::{Remote, SyncError};
use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// The rows that the user sees.
#[derive(Debug, Clone, Copy)]
pub struct TablesSource;

#[async_trait]
impl Source for TablesSource {
    fn name(&self) -> &'static str {
        "tables"
    }

    fn family(&self) -> &'static str {
        "table_row"
    }

    async fn list(
        &self,
        remote: &dyn Remote,
        _known: &KnownState,
        sink: Sink<'_>,
    ) -> Result<Coverage, SyncError> {
        let tables = match remote.tables().await {
            Ok(tables) => tables,
            Err(NextcloudError::NotFound(_)) if !remote.has_app("tables").await? => {
                return Ok(Coverage::Absent(
                    "Tables is not installed, or not for this user".to_owned(),
                ));
            }
            Err(error) => return Err(error.into()),
        };
        let mut parts = HashMap::new();
        for table in tables.iter().filter(|table| is_open(table)) {
            let part = table.id.to_string();
            let (columns, rows) = match read(remote, table.id).await {
                Ok(read) => read,
                // Lost since the list came, or shared in a way that shows no rows.
                Err(NextcloudError::Forbidden(_)) => continue,
                // A lost table and an app switched off look alike (facts §8), and only one of them is still listed.
                Err(NextcloudError::NotFound(_)) if !lists(remote, table.id).await? => continue,
                Err(error) => return Err(error.into()),
            };
            let mut hasher = Sha256::new();
            for row in &rows {
                let item = item(table, &columns, row);
                hasher.update(&item.native_id);
                hasher.update(&item.etag);
                sink(Event::Item(item));
            }
            parts.insert(part, hex::encode(hasher.finalize()));
        }
        Ok(Coverage::Parts {
            version: version_of(&tables),
            listed: parts.keys().cloned().collect(),
            parts,
            gone: Vec::new(),
        })
    }

    async fn fetch(&self, remote: &dyn Remote, item: &WantedItem) -> Result<Content, NextcloudError> {
        let mut found = self.fetch_many(remote, std::slice::from_ref(item)).await?;
        found
            .remove(&item.native_id)
            .ok_or_else(|| NextcloudError::NotFound("the row is not in its table any more".to_owned()))
    }

    /// One request per row: the few rows of one turn cost less than reading their whole table each time.
    async fn fetch_many(
        &self,
        remote: &dyn Remote,
        items: &[WantedItem],
    ) -> Result<HashMap<String, Content>, NextcloudError> {
        let mut by_table: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (table, row) in items.iter().filter_map(|item| row_id::parse(&item.native_id)) {
            by_table.entry(table).or_default().push(row);
        }
        let mut contents = HashMap::new();
        let tables = remote.tables().await?;
        for (id, wanted) in by_table {
            let Some(table) = tables.iter().find(|table| table.id == id && is_open(table)) else {
                continue;
            };
            let columns = remote.table_columns(id).await?;
            for row in wanted {
                match remote.table_row(row).await {
                    Ok(row) if row.table_id == id => {
                        let content = Content {
                            bytes: Bytes::from(row_text::text(table, &columns, &row)),
                            mime_type: Some(row_text::MIME.to_owned()),
                        };
                        contents.insert(row_id::native_id(id, row.id), content);
                    }
                    Ok(_) | Err(NextcloudError::NotFound(_) | NextcloudError::Forbidden(_)) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(contents)
    }

    async fn version(&self, remote: &dyn Remote) -> Result<String, NextcloudError> {
        Ok(version_of(&remote.tables().await?))
    }
}

async fn read(remote: &dyn Remote, table: i64) -> Result<(Vec<TableColumn>, Vec<Row>), NextcloudError> {
    let columns = remote.table_columns(table).await?;
    Ok((columns, remote.table_rows(table).await?))
}

async fn lists(remote: &dyn Remote, table: i64) -> Result<bool, NextcloudError> {
    let tables = remote.tables().await?;
    Ok(tables.iter().any(|listed| listed.id == table && is_open(listed)))
}

fn is_open(table: &Table) -> bool {
    !table.archived && table.is_readable()
}

/// Rows never move between tables, so the tables alone tell whether one was overlooked.
fn version_of(tables: &[Table]) -> String {
    let mut ids: Vec<i64> = tables
        .iter()
        .filter(|table| is_open(table))
        .map(|table| table.id)
        .collect();
    ids.sort_unstable();
    let mut hasher = Sha256::new();
    for id in ids {
        hasher.update(id.to_le_bytes());
    }
    hex::encode(hasher.finalize())
}

fn item(table: &Table, columns: &[TableColumn], row: &Row) -> ListedItem {
    let text = row_text::text(table, columns, row);
    ListedItem {
        native_id: row_id::native_id(table.id, row.id),
        etag: hex::encode(Sha256::digest(&text)),
        mime_type: Some(row_text::MIME.to_owned()),
        size: i64::try_from(text.len()).unwrap_or(i64::MAX),
        modified: row_text::modified(row),
        doc_type: "table_row",
        path: row_text::path(table, columns, row),
        part: table.id.to_string(),
        title: row_text::title(columns, row),
        keyword_only: false,
        skip: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_put_away_or_not_readable_are_left_out() {
        let tables: Vec<Table> = serde_json::from_str(
            r#"[{"id": 1}, {"id": 2, "archived": true},
                {"id": 3, "isShared": true, "onSharePermissions": {"read": false}}]"#,
        )
        .unwrap();
        let open: Vec<i64> = tables
            .iter()
            .filter(|table| is_open(table))
            .map(|table| table.id)
            .collect();
        assert_eq!(open, [1]);
        assert_eq!(version_of(&tables), version_of(&tables[..1]));
        assert_ne!(version_of(&tables), version_of(&[]));
    }
}

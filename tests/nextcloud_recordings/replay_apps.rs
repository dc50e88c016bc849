//! The operations of apps and of system tags, as lines.

use crate::replay::{Operation, Recording, entries};
use nextcloud_mcp_server::nextcloud::{Boards, NextcloudError, UserSession};

impl Recording {
    /// Runs one of them.
    pub async fn run_app(
        &self,
        operation: &Operation,
        session: &UserSession,
    ) -> Result<String, NextcloudError> {
        Ok(match operation {
            Operation::SystemTags => format!("{:?}", session.system_tags().await?),
            Operation::Tagged(tag) => entries(&session.tagged_files(*tag).await?),
            Operation::Boards => {
                let known = self.header("If-None-Match").map(|etag| etag.trim_matches('"'));
                boards(&session.deck_boards(known).await?)
            }
            Operation::Stacks(board) => format!("{:?}", session.deck_stacks(*board).await?),
            Operation::Tables => {
                let tables = session.tables().await?;
                let names: Vec<_> = tables
                    .iter()
                    .map(|table| (table.id, &table.title, table.is_readable()))
                    .collect();
                format!("{names:?}")
            }
            Operation::Columns(table) => {
                let columns = session.table_columns(*table).await?;
                let names: Vec<_> = columns
                    .iter()
                    .map(|column| (column.id, &column.title, &column.kind))
                    .collect();
                format!("{names:?}")
            }
            Operation::Rows(table) => format!("{:?}", session.table_rows(*table).await?),
            Operation::Row(row) => format!("{:?}", session.table_row(*row).await?),
            _ => unreachable!("the others are run by `Recording::run`"),
        })
    }
}

fn boards(boards: &Boards) -> String {
    let Boards::Listed(list) = boards else {
        return "unchanged".to_owned();
    };
    let names: Vec<_> = list
        .boards
        .iter()
        .map(|board| (board.id, &board.title, list.is_settled(board)))
        .collect();
    format!("{names:?} {}", list.etag.as_deref().unwrap_or_default())
}

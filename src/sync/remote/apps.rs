//! What the sync uses of apps with an API of their own.

use super::FreshSessions;
use crate::nextcloud::{Boards, CardComment, NextcloudError, Row, Stack, Table, TableColumn, UserSession};
use async_trait::async_trait;

/// What one user sees of Deck and Tables. Each method is one request unless it says otherwise.
#[async_trait]
pub trait AppRemote: Send + Sync {
    /// Whether the app of this id is in the user's menu: Nextcloud's clear word that it is there.
    async fn has_app(&self, id: &str) -> Result<bool, NextcloudError>;

    /// Deck's boards; [`Boards::Unchanged`] only where a `known` version was given.
    async fn deck_boards(&self, known: Option<&str>) -> Result<Boards, NextcloudError>;

    /// The stacks of a board with their cards.
    async fn deck_stacks(&self, board: i64) -> Result<Vec<Stack>, NextcloudError>;

    /// Up to `limit` comments of a card, the newest first: a request per hundred.
    async fn deck_comments(&self, card: i64, limit: usize) -> Result<Vec<CardComment>, NextcloudError>;

    /// The tables.
    async fn tables(&self) -> Result<Vec<Table>, NextcloudError>;

    /// The columns of a table.
    async fn table_columns(&self, table: i64) -> Result<Vec<TableColumn>, NextcloudError>;

    /// All rows of a table.
    async fn table_rows(&self, table: i64) -> Result<Vec<Row>, NextcloudError>;

    /// One row.
    async fn table_row(&self, row: i64) -> Result<Row, NextcloudError>;
}

#[async_trait]
impl AppRemote for UserSession {
    async fn has_app(&self, id: &str) -> Result<bool, NextcloudError> {
        Ok(self.menu_apps().await?.iter().any(|app| app.id == id))
    }

    async fn deck_boards(&self, known: Option<&str>) -> Result<Boards, NextcloudError> {
        UserSession::deck_boards(self, known).await
    }

    async fn deck_stacks(&self, board: i64) -> Result<Vec<Stack>, NextcloudError> {
        UserSession::deck_stacks(self, board).await
    }

    async fn deck_comments(&self, card: i64, limit: usize) -> Result<Vec<CardComment>, NextcloudError> {
        UserSession::deck_comments(self, card, limit).await
    }

    async fn tables(&self) -> Result<Vec<Table>, NextcloudError> {
        UserSession::tables(self).await
    }

    async fn table_columns(&self, table: i64) -> Result<Vec<TableColumn>, NextcloudError> {
        UserSession::table_columns(self, table).await
    }

    async fn table_rows(&self, table: i64) -> Result<Vec<Row>, NextcloudError> {
        UserSession::table_rows(self, table).await
    }

    async fn table_row(&self, row: i64) -> Result<Row, NextcloudError> {
        UserSession::table_row(self, row).await
    }
}

#[async_trait]
impl AppRemote for FreshSessions {
    async fn has_app(&self, id: &str) -> Result<bool, NextcloudError> {
        self.session().await?.has_app(id).await
    }

    async fn deck_boards(&self, known: Option<&str>) -> Result<Boards, NextcloudError> {
        self.session().await?.deck_boards(known).await
    }

    async fn deck_stacks(&self, board: i64) -> Result<Vec<Stack>, NextcloudError> {
        self.session().await?.deck_stacks(board).await
    }

    async fn deck_comments(&self, card: i64, limit: usize) -> Result<Vec<CardComment>, NextcloudError> {
        self.session().await?.deck_comments(card, limit).await
    }

    async fn tables(&self) -> Result<Vec<Table>, NextcloudError> {
        self.session().await?.tables().await
    }

    async fn table_columns(&self, table: i64) -> Result<Vec<TableColumn>, NextcloudError> {
        self.session().await?.table_columns(table).await
    }

    async fn table_rows(&self, table: i64) -> Result<Vec<Row>, NextcloudError> {
        self.session().await?.table_rows(table).await
    }

    async fn table_row(&self, row: i64) -> Result<Row, NextcloudError> {
        self.session().await?.table_row(row).await
    }
}

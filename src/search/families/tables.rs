//! Rows of tables. A row's native id is `<table>/<row>`.

use super::{Family, instance};
use crate::ids::UserId;
use crate::nextcloud::{NextcloudError, UserSession, row_id};
use async_trait::async_trait;
use std::collections::{BTreeMap, HashSet};
use url::Url;

/// Rows of one question: they may be of as many tables, each of which costs a request.
const ROWS_PER_QUESTION: usize = 50;

/// Rows: one request per table answers for all its rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct TablesFamily;

#[async_trait]
impl Family for TablesFamily {
    fn name(&self) -> &'static str {
        "table_row"
    }

    fn doc_types(&self) -> &'static [&'static str] {
        &["table_row"]
    }

    fn batch_size(&self) -> usize {
        ROWS_PER_QUESTION
    }

    async fn readable(
        &self,
        session: &UserSession,
        native_ids: &[String],
        instance: Option<&str>,
    ) -> Result<HashSet<String>, NextcloudError> {
        let mut tables: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (table, row) in native_ids.iter().filter_map(|id| row_id::parse(id)) {
            tables.entry(table).or_default().push(row);
        }
        let mut readable = HashSet::new();
        if tables.is_empty() {
            return Ok(readable);
        }
        instance::check(session, instance).await?;
        for (table, asked) in tables {
            let present = match session.table_rows_present(table, &asked).await {
                Ok(present) => present,
                // Not this reader's any more (facts §8), or Tables is switched off: no row can be opened now.
                Err(NextcloudError::Forbidden(_) | NextcloudError::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            readable.extend(present.into_iter().map(|row| row_id::native_id(table, row)));
        }
        Ok(readable)
    }

    fn url(&self, public_url: &Url, _reader: &UserId, _doc_type: &str, native_id: &str) -> String {
        let base = public_url.as_str().trim_end_matches('/');
        match row_id::parse(native_id) {
            Some((table, row)) => format!("{base}/index.php/apps/tables/#/table/{table}/row/{row}"),
            None => format!("{base}/index.php/apps/tables/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::families::simulated;
    use nextcloud_sim::Simulator;

    #[tokio::test]
    async fn rows_of_a_table_that_is_too_large_to_read_are_asked_one_by_one() {
        let sim = Simulator::start().await;
        let cloud = sim.world();
        let (small, large) = (
            cloud.add_table("alice", "Boats", &["Name"]),
            cloud.add_table("alice", "Logs", &["Text"]),
        );
        let boat = cloud.add_row(small, &["Kelpie"]);
        let log = cloud.add_row(large, &["Calm"]);
        for _ in 0..3 {
            cloud.add_row(large, &[&"x".repeat(3 * 1024 * 1024)]);
        }
        let ids = [
            row_id::native_id(small, boat),
            row_id::native_id(large, log),
            row_id::native_id(large, boat),
            row_id::native_id(large, 9_999),
        ];
        let readable = async |reader: &str| {
            TablesFamily
                .readable(&simulated::session(&sim, reader), &ids, None)
                .await
                .unwrap()
        };
        assert_eq!(readable("alice").await, ids[..2].iter().cloned().collect());
        assert_eq!(readable("bob").await, HashSet::new());
    }

    #[test]
    fn links_lead_to_the_row_in_its_table() {
        let root = Url::parse("https://cloud.example.org").unwrap();
        assert_eq!(
            TablesFamily.url(&root, &UserId::new("alice"), "table_row", "4/12"),
            "https://cloud.example.org/index.php/apps/tables/#/table/4/row/12"
        );
    }
}

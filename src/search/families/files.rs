//! Files; a note is a file too (facts §6).

use super::Family;
use crate::ids::UserId;
use crate::nextcloud::{DavEntry, FileQuery, NextcloudError, UserSession};
use async_trait::async_trait;
use std::collections::HashSet;
use url::Url;

/// More than 100 conditions in one SEARCH are refused (facts §7).
const IDS_PER_SEARCH: usize = 100;

/// A file can be reached by several paths (a share beside a group folder) and is then listed once for each;
/// a lower limit could cut off ids that have not been listed at all.
const LISTED_PER_SEARCH: u32 = 1_000;

/// Files and notes: one `WebDAV` SEARCH answers for up to 100 of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct FilesFamily;

#[async_trait]
impl Family for FilesFamily {
    fn name(&self) -> &'static str {
        "file"
    }

    fn doc_types(&self) -> &'static [&'static str] {
        &["file", "note"]
    }

    fn batch_size(&self) -> usize {
        IDS_PER_SEARCH
    }

    async fn readable(
        &self,
        session: &UserSession,
        native_ids: &[String],
        instance: Option<&str>,
    ) -> Result<HashSet<String>, NextcloudError> {
        let file_ids: Vec<i64> = native_ids.iter().filter_map(|id| id.parse().ok()).collect();
        if file_ids.is_empty() {
            return Ok(HashSet::new());
        }
        let query = FileQuery {
            file_ids,
            limit: LISTED_PER_SEARCH,
            ..FileQuery::default()
        };
        let entries = session.search_files(&query).await?;
        if comes_from_elsewhere(&entries, instance) {
            return Err(NextcloudError::Malformed(
                "it comes from another Nextcloud than the indexed documents".to_owned(),
            ));
        }
        Ok(readable_ids(&entries))
    }

    fn url(&self, public_url: &Url, _reader: &UserId, doc_type: &str, native_id: &str) -> String {
        let base = public_url.as_str().trim_end_matches('/');
        match doc_type {
            "note" => format!("{base}/index.php/apps/notes/note/{native_id}"),
            _ => format!("{base}/index.php/f/{native_id}"),
        }
    }
}

/// Whether an entry names another instance than the one that was indexed.
fn comes_from_elsewhere(entries: &[DavEntry], instance: Option<&str>) -> bool {
    instance.is_some_and(|own| {
        entries
            .iter()
            .filter_map(|entry| entry.instance_id.as_deref())
            .any(|seen| seen != own)
    })
}

fn readable_ids(entries: &[DavEntry]) -> HashSet<String> {
    entries
        .iter()
        .filter(|entry| entry.is_readable())
        .map(|entry| entry.file_id.to_string())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(file_id: i64, permissions: &str, download_disabled: bool) -> DavEntry {
        DavEntry {
            file_id,
            path: "/a.md".into(),
            is_folder: false,
            etag: "e".into(),
            size: 1,
            content_type: None,
            last_modified: None,
            permissions: permissions.into(),
            download_disabled,
            favorite: false,
            owner: None,
            instance_id: None,
        }
    }

    #[test]
    fn listed_is_not_enough_to_be_readable() {
        let entries = [
            entry(1, "RGDNVW", false),
            entry(2, "SRDNVW", false),
            entry(3, "SRGDNVW", true),
            // The same file by two paths: one of them with the right to read.
            entry(4, "SR", false),
            entry(4, "RG", false),
        ];
        assert_eq!(
            readable_ids(&entries),
            HashSet::from(["1".to_owned(), "4".to_owned()])
        );
    }

    #[test]
    fn file_ids_of_another_instance_mean_something_else() {
        let of = |instance: Option<&str>| {
            vec![DavEntry {
                instance_id: instance.map(str::to_owned),
                ..entry(1, "RG", false)
            }]
        };
        assert!(comes_from_elsewhere(&of(Some("oc2")), Some("oc1")));
        assert!(!comes_from_elsewhere(&of(Some("oc1")), Some("oc1")));
        assert!(!comes_from_elsewhere(&of(Some("oc2")), None));
    }

    #[test]
    fn links_lead_to_the_app_that_shows_the_document() {
        let root = Url::parse("https://cloud.example.org").unwrap();
        let below = Url::parse("https://example.org/nextcloud/").unwrap();
        assert_eq!(
            FilesFamily.url(&root, &UserId::new("alice"), "file", "45"),
            "https://cloud.example.org/index.php/f/45"
        );
        assert_eq!(
            FilesFamily.url(&below, &UserId::new("alice"), "note", "123"),
            "https://example.org/nextcloud/index.php/apps/notes/note/123"
        );
    }
}

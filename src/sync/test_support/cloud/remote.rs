//! One user's session with it.

use super::FakeCloud;
use crate::ids::UserId;
use crate::nextcloud::groupware::{Collection, CollectionChanges, CollectionKind, CollectionObject, Objects};
use crate::nextcloud::{
    Boards, CardComment, DavEntry, Download, NextcloudError, Note, NotesPage, Row, Stack, SystemTag, Table,
    TableColumn,
};
use crate::sync::test_support::groupware;
use crate::sync::{AppRemote, Remote};
use async_trait::async_trait;

/// What the sync may ask as `user`.
pub(super) struct FakeRemote {
    pub(super) cloud: FakeCloud,
    pub(super) user: String,
}

#[async_trait]
impl Remote for FakeRemote {
    fn reader(&self) -> UserId {
        UserId::new(&self.user)
    }

    async fn collections(&self, kind: CollectionKind) -> Result<Vec<Collection>, NextcloudError> {
        let mut state = self.cloud.0.lock().unwrap();
        state.ask(&self.user, "collections", &format!("{kind:?}"))?;
        Ok(groupware::home(&state.collections, kind, &self.reader()))
    }

    async fn collection_changes(
        &self,
        kind: CollectionKind,
        uri: &str,
        token: &str,
    ) -> Result<CollectionChanges, NextcloudError> {
        let mut state = self.cloud.0.lock().unwrap();
        state.ask(&self.user, "changes", uri)?;
        groupware::changes(&state.collections, kind, &self.reader(), uri, token)
    }

    async fn collection_objects(
        &self,
        kind: CollectionKind,
        uri: &str,
        wanted: Objects<'_>,
    ) -> Result<Vec<CollectionObject>, NextcloudError> {
        let mut state = self.cloud.0.lock().unwrap();
        let what = match wanted {
            Objects::All => "query",
            Objects::Named(_) | Objects::Present(_) => "multiget",
        };
        state.ask(&self.user, what, uri)?;
        groupware::objects(&state.collections, kind, &self.reader(), uri, wanted)
    }

    async fn entry(&self, path: &str) -> Result<DavEntry, NextcloudError> {
        let mut state = self.cloud.0.lock().unwrap();
        state.ask(&self.user, "entry", path)?;
        Ok(state.entry(path, &state.trees[&self.user][path]))
    }

    async fn children(&self, path: &str) -> Result<Vec<DavEntry>, NextcloudError> {
        let mut state = self.cloud.0.lock().unwrap();
        state.ask(&self.user, "children", path)?;
        Ok(state.below(&self.user, path, false))
    }

    async fn walk(&self, path: &str, visit: &mut (dyn FnMut(DavEntry) + Send)) -> Result<(), NextcloudError> {
        let (entries, fault) = {
            let mut state = self.cloud.0.lock().unwrap();
            let fault = state.ask(&self.user, "walk", path).err();
            let own = state.entry(path, &state.trees[&self.user][path]);
            let mut entries = vec![own];
            entries.extend(state.below(&self.user, path, true));
            (entries, fault)
        };
        // A fault cuts the listing in the middle.
        let shown = if fault.is_some() {
            entries.len() / 2
        } else {
            entries.len()
        };
        entries.into_iter().take(shown).for_each(visit);
        fault.map_or(Ok(()), Err)
    }

    async fn download(&self, path: &str, _: u64) -> Result<Download, NextcloudError> {
        let mut state = self.cloud.0.lock().unwrap();
        state.ask(&self.user, "get", path)?;
        let node = state.trees[&self.user]
            .get(path)
            .ok_or_else(|| NextcloudError::NotFound(path.to_owned()))?;
        let bytes = node.content.clone().unwrap();
        Ok(Download {
            bytes,
            content_type: None,
            etag: Some(node.etag.clone()),
            last_modified: None,
        })
    }

    async fn notes_path(&self) -> Result<Option<String>, NextcloudError> {
        Ok(Some("Notes".into()))
    }

    async fn notes_page(&self, size: u32, cursor: Option<&str>) -> Result<NotesPage, NextcloudError> {
        let mut state = self.cloud.0.lock().unwrap();
        state.ask(&self.user, "notes", cursor.unwrap_or_default())?;
        let from: usize = cursor.map_or(0, |cursor| cursor.parse().unwrap());
        let all = state.below(&self.user, "/Notes", true);
        let size = size as usize;
        let notes = all
            .iter()
            .filter(|entry| !entry.is_folder)
            .skip(from)
            .take(size)
            .map(|entry| Note {
                id: entry.file_id,
                title: String::new(),
                content: String::from_utf8(
                    state.trees[&self.user][&entry.path]
                        .content
                        .clone()
                        .unwrap_or_default()
                        .to_vec(),
                )
                .unwrap(),
                category: String::new(),
                modified: 0,
                favorite: false,
                etag: String::new(),
                readonly: false,
                internal_path: None,
            });
        let notes: Vec<Note> = notes.collect();
        let next = (notes.len() == size).then(|| (from + size).to_string());
        Ok(NotesPage { notes, next })
    }

    async fn system_tags(&self) -> Result<Vec<SystemTag>, NextcloudError> {
        Ok(Vec::new())
    }

    async fn tagged(&self, _: i64) -> Result<Vec<DavEntry>, NextcloudError> {
        Err(NextcloudError::PreconditionFailed { current: None })
    }
}

fn not_installed<T>() -> Result<T, NextcloudError> {
    Err(NextcloudError::NotFound("Page not found".to_owned()))
}

/// No app is installed; `nextcloud-sim` has them.
#[async_trait]
impl AppRemote for FakeRemote {
    async fn has_app(&self, _: &str) -> Result<bool, NextcloudError> {
        Ok(false)
    }

    async fn deck_boards(&self, _: Option<&str>) -> Result<Boards, NextcloudError> {
        not_installed()
    }

    async fn deck_stacks(&self, _: i64) -> Result<Vec<Stack>, NextcloudError> {
        not_installed()
    }

    async fn deck_comments(&self, _: i64, _: usize) -> Result<Vec<CardComment>, NextcloudError> {
        not_installed()
    }

    async fn tables(&self) -> Result<Vec<Table>, NextcloudError> {
        not_installed()
    }

    async fn table_columns(&self, _: i64) -> Result<Vec<TableColumn>, NextcloudError> {
        not_installed()
    }

    async fn table_rows(&self, _: i64) -> Result<Vec<Row>, NextcloudError> {
        not_installed()
    }

    async fn table_row(&self, _: i64) -> Result<Row, NextcloudError> {
        not_installed()
    }
}

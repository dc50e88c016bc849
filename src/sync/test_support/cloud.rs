//! A small Nextcloud: trees whose `ETags` move with every change, up to the root.

use super::groupware::{self, Collections};
use crate::auth::{CredentialError, Rejection};
use crate::ids::UserId;
use crate::nextcloud::groupware::{Collection, CollectionChanges, CollectionKind, CollectionObject, Objects};
use crate::nextcloud::{
    Boards, CardComment, DavEntry, Download, NextcloudError, Note, NotesPage, Row, Stack, SystemTag, Table,
    TableColumn,
};
use crate::sync::{AppRemote, Remote, Remotes};
use async_trait::async_trait;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

type Fault = Arc<dyn Fn() -> NextcloudError + Send + Sync>;

#[derive(Clone)]
struct Node {
    id: i64,
    etag: String,
    /// `None`: a folder.
    content: Option<Bytes>,
    permissions: &'static str,
}

#[derive(Default)]
struct State {
    trees: HashMap<String, BTreeMap<String, Node>>,
    next: i64,
    requests: Vec<String>,
    faults: HashMap<(String, String), Fault>,
    /// Paths that listings leave out although they exist.
    hidden: HashSet<String>,
    instance: String,
    pub rejected: Vec<String>,
    supersedes: bool,
    collections: Collections,
}

/// The Nextcloud of a test.
#[derive(Default, Clone)]
pub struct FakeCloud(Arc<Mutex<State>>);

impl FakeCloud {
    pub(super) fn with_collections(&self, change: impl FnOnce(&mut Collections)) {
        change(&mut self.0.lock().unwrap().collections);
    }

    /// Writes a file, with its folders; the same path keeps its id.
    pub fn put(&self, user: &str, path: &str, content: &str) -> i64 {
        self.put_bytes(user, path, content.to_owned())
    }

    /// The same with any content.
    pub fn put_bytes(&self, user: &str, path: &str, content: impl Into<Bytes>) -> i64 {
        let mut state = self.0.lock().unwrap();
        let id = match state.trees.get(user).and_then(|tree| tree.get(path)) {
            Some(node) => node.id,
            None => state.number(),
        };
        let etag = state.number().to_string();
        let content = Some(content.into());
        state.insert(
            user,
            path,
            Node {
                id,
                etag,
                content,
                permissions: "RGDNVW",
            },
        );
        id
    }

    /// Shows `owner`'s file to `recipient`, with the same id and version.
    pub fn share(&self, owner: &str, path: &str, recipient: &str, target: &str) {
        let mut state = self.0.lock().unwrap();
        let node = Node {
            permissions: "SRGNVW",
            ..state.trees[owner][path].clone()
        };
        state.insert(recipient, target, node);
    }

    /// Takes a file or folder away.
    pub fn remove(&self, user: &str, path: &str) {
        let mut state = self.0.lock().unwrap();
        let below = format!("{path}/");
        let tree = state.trees.get_mut(user).unwrap();
        tree.retain(|other, _| other != path && !other.starts_with(&below));
        state.touch_parents(user, path);
    }

    /// Moves a file or folder; ids and versions stay.
    pub fn rename(&self, user: &str, from: &str, to: &str) {
        let moved: Vec<(String, Node)> = {
            let state = self.0.lock().unwrap();
            let below = format!("{from}/");
            let tree = &state.trees[user];
            let inside = tree
                .iter()
                .filter(|(path, _)| *path == from || path.starts_with(&below));
            inside
                .map(|(path, node)| (path.replacen(from, to, 1), node.clone()))
                .collect()
        };
        self.remove(user, from);
        let mut state = self.0.lock().unwrap();
        for (path, node) in moved {
            state.insert(user, &path, node);
        }
    }

    /// Sets `oc:permissions` of a path.
    pub fn permit(&self, user: &str, path: &str, permissions: &'static str) {
        let mut state = self.0.lock().unwrap();
        state
            .trees
            .get_mut(user)
            .unwrap()
            .get_mut(path)
            .unwrap()
            .permissions = permissions;
        state.touch_parents(user, path);
    }

    /// From now on every request of `user` about `path` fails; `*` means all paths, `walk /x` only that operation.
    pub fn fail(&self, user: &str, path: &str, error: impl Fn() -> NextcloudError + Send + Sync + 'static) {
        self.0
            .lock()
            .unwrap()
            .faults
            .insert((user.to_owned(), path.to_owned()), Arc::new(error));
    }

    /// Ends all faults.
    pub fn heal(&self) {
        self.0.lock().unwrap().faults.clear();
    }

    /// Listings leave `path` out, and the root looks changed.
    pub fn hide(&self, user: &str, path: &str) {
        let mut state = self.0.lock().unwrap();
        state.hidden.insert(path.to_owned());
        state.touch_parents(user, path);
    }

    /// Listings show everything again.
    pub fn unhide(&self) {
        self.0.lock().unwrap().hidden.clear();
    }

    /// Answers as another instance; as one that does not tell which with `-`.
    pub fn become_instance(&self, id: &str) {
        id.clone_into(&mut self.0.lock().unwrap().instance);
    }

    /// The requests since the last call.
    pub fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().requests)
    }

    /// From now on a refused credential is one that was just replaced.
    pub fn supersede(&self) {
        self.0.lock().unwrap().supersedes = true;
    }

    /// Users whose credential was reported as refused.
    pub fn rejected(&self) -> Vec<String> {
        self.0.lock().unwrap().rejected.clone()
    }
}

impl State {
    fn number(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    fn insert(&mut self, user: &str, path: &str, node: Node) {
        self.touch_parents(user, path);
        self.trees
            .entry(user.to_owned())
            .or_default()
            .insert(path.to_owned(), node);
    }

    fn touch_parents(&mut self, user: &str, path: &str) {
        let mut parent = path;
        while let Some((above, _)) = parent.rsplit_once('/') {
            let key = if above.is_empty() { "/" } else { above };
            let (id, etag) = (self.number(), self.number().to_string());
            let tree = self.trees.entry(user.to_owned()).or_default();
            let folder = Node {
                id,
                etag: etag.clone(),
                content: None,
                permissions: "RGDNVCK",
            };
            tree.entry(key.to_owned()).or_insert(folder).etag = etag;
            parent = above;
        }
    }

    fn entry(&self, path: &str, node: &Node) -> DavEntry {
        let instance = if self.instance.is_empty() {
            "octest"
        } else {
            &self.instance
        };
        DavEntry {
            file_id: node.id,
            path: path.to_owned(),
            is_folder: node.content.is_none(),
            etag: node.etag.clone(),
            size: node.content.as_ref().map_or(0, |content| content.len() as u64),
            content_type: None,
            last_modified: None,
            permissions: node.permissions.to_owned(),
            download_disabled: false,
            favorite: false,
            owner: None,
            instance_id: (instance != "-").then(|| instance.to_owned()),
        }
    }

    fn ask(&mut self, user: &str, what: &str, path: &str) -> Result<(), NextcloudError> {
        self.requests.push(format!("{user} {what} {path}"));
        for key in [path.to_owned(), "*".to_owned(), format!("{what} {path}")] {
            if let Some(fault) = self.faults.get(&(user.to_owned(), key)) {
                return Err(fault());
            }
        }
        Ok(())
    }

    fn below(&self, user: &str, path: &str, deep: bool) -> Vec<DavEntry> {
        let prefix = if path == "/" {
            "/".to_owned()
        } else {
            format!("{path}/")
        };
        let tree = &self.trees[user];
        tree.iter()
            .filter(|(other, _)| {
                let inside = other.strip_prefix(&prefix).is_some_and(|rest| !rest.is_empty());
                inside && (deep || !other[prefix.len()..].contains('/'))
            })
            .filter(|(other, _)| {
                !self
                    .hidden
                    .iter()
                    .any(|h| *other == h || other.starts_with(&format!("{h}/")))
            })
            .map(|(other, node)| self.entry(other, node))
            .collect()
    }
}

#[async_trait]
impl Remotes for FakeCloud {
    async fn open(&self, user: &UserId) -> Result<Arc<dyn Remote>, CredentialError> {
        let mut state = self.0.lock().unwrap();
        if !state.trees.contains_key(user.as_str()) {
            return Err(CredentialError::NotProvisioned);
        }
        if !state.trees[user.as_str()].contains_key("/") {
            state.touch_parents(user.as_str(), "/x");
        }
        Ok(Arc::new(FakeRemote {
            cloud: self.clone(),
            user: user.as_str().to_owned(),
        }))
    }

    async fn rejected(&self, user: &UserId) -> Result<Rejection, CredentialError> {
        let mut state = self.0.lock().unwrap();
        state.rejected.push(user.as_str().to_owned());
        Ok(if state.supersedes {
            Rejection::Superseded
        } else {
            Rejection::Dropped
        })
    }
}

struct FakeRemote {
    cloud: FakeCloud,
    user: String,
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

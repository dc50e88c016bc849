//! Trees whose `ETags` move with every change, up to the root.

use crate::nextcloud::{DavEntry, NextcloudError};
use crate::sync::test_support::groupware::Collections;
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// What a request gets instead of its answer.
type Fault = Arc<dyn Fn() -> NextcloudError + Send + Sync>;

/// A file or folder.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) id: i64,
    pub(super) etag: String,
    /// `None`: a folder.
    pub(super) content: Option<Bytes>,
    pub(super) permissions: &'static str,
}

/// Everything that a test's Nextcloud holds, and what was asked of it.
#[derive(Default)]
pub(super) struct State {
    pub(super) trees: HashMap<String, BTreeMap<String, Node>>,
    pub(super) next: i64,
    pub(super) requests: Vec<String>,
    pub(super) faults: HashMap<(String, String), Fault>,
    /// Paths that listings leave out although they exist.
    pub(super) hidden: HashSet<String>,
    pub(super) instance: String,
    pub(super) rejected: Vec<String>,
    pub(super) supersedes: bool,
    pub(super) collections: Collections,
}

impl State {
    pub(super) fn number(&mut self) -> i64 {
        self.next += 1;
        self.next
    }

    pub(super) fn insert(&mut self, user: &str, path: &str, node: Node) {
        self.touch_parents(user, path);
        self.trees
            .entry(user.to_owned())
            .or_default()
            .insert(path.to_owned(), node);
    }

    pub(super) fn touch_parents(&mut self, user: &str, path: &str) {
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

    pub(super) fn entry(&self, path: &str, node: &Node) -> DavEntry {
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

    pub(super) fn ask(&mut self, user: &str, what: &str, path: &str) -> Result<(), NextcloudError> {
        self.requests.push(format!("{user} {what} {path}"));
        for key in [path.to_owned(), "*".to_owned(), format!("{what} {path}")] {
            if let Some(fault) = self.faults.get(&(user.to_owned(), key)) {
                return Err(fault());
            }
        }
        Ok(())
    }

    pub(super) fn below(&self, user: &str, path: &str, deep: bool) -> Vec<DavEntry> {
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

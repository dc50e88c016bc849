//! A small Nextcloud: what a test changes in it, and whose sessions it opens.

mod remote;
mod state;

use super::groupware::Collections;
use crate::auth::{CredentialError, Rejection};
use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use crate::sync::{Remote, Remotes};
use async_trait::async_trait;
use bytes::Bytes;
use remote::FakeRemote;
use state::{Node, State};
use std::sync::{Arc, Mutex};

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

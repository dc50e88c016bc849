//! [`World`]: files, folders and notes.

use std::collections::BTreeMap;

use axum::body::Bytes;

use super::{Content, State, Trashed, World, join, mime_of, parent_and_name};
use crate::notes::{NewNote, create_note};
use crate::webhooks::{self, NodeRef};

impl World {
    /// Writes a file of a user's tree, creating its folders; the MIME type follows the name.
    /// Returns the file id.
    ///
    /// # Panics
    /// If the user does not exist or the path names a folder.
    pub fn put_file(&self, uid: &str, path: &str, bytes: impl Into<Vec<u8>>) -> i64 {
        self.put_file_with_mime(uid, path, bytes, mime_of(path))
    }

    /// As [`Self::put_file`], with a MIME type of one's own choice (kept when the file exists).
    ///
    /// # Panics
    /// If the user does not exist or the path names a folder.
    pub fn put_file_with_mime(&self, uid: &str, path: &str, bytes: impl Into<Vec<u8>>, mime: &str) -> i64 {
        let bytes = Bytes::from(bytes.into());
        let mut state = self.write();
        if let Some(existing) = state.locate(uid, path) {
            let id = existing.node.id;
            assert!(!existing.node.is_folder(), "{path} of {uid} is a folder");
            state.overwrite(id, bytes, None);
            webhooks::written(&mut state, uid, &NodeRef::of(uid, path, id));
            return id;
        }
        let content = Content::File {
            bytes,
            mime: mime.to_owned(),
        };
        let id = match parent_and_name(path) {
            Some((folder, name)) => {
                let parent = state.make_folders(uid, folder);
                parent.and_then(|parent| state.insert(parent, name, content, None))
            }
            None => None,
        }
        .unwrap_or_else(|| panic!("cannot write {path} of {uid}: no such user, or a file stands in the way"));
        webhooks::created(&mut state, uid, &NodeRef::of(uid, path, id));
        id
    }

    /// Creates a folder with its parents; an existing one is fine. Returns its file id.
    ///
    /// # Panics
    /// If the user does not exist or a file stands in the way.
    pub fn mkdir(&self, uid: &str, path: &str) -> i64 {
        self.write()
            .make_folders(uid, path.trim_end_matches('/'))
            .unwrap_or_else(|| panic!("cannot create {path} of {uid}"))
    }

    /// Deletes a file or folder; a received share is removed from the user's tree only.
    ///
    /// # Panics
    /// If the path does not exist.
    pub fn delete_path(&self, uid: &str, path: &str) {
        assert!(self.write().delete(uid, path), "{path} of {uid} does not exist");
    }

    /// Restores what was deleted last at a path, with its file ids; shares of it stay gone.
    ///
    /// # Panics
    /// If nothing of that path is in the user's trash bin, or something stands there again.
    pub fn restore_path(&self, uid: &str, path: &str) {
        assert!(self.write().restore(uid, path), "cannot restore {path} of {uid}");
    }

    /// Moves or renames; the file id stays.
    ///
    /// # Panics
    /// If the source or the target's folder does not exist, or the target does.
    pub fn move_path(&self, uid: &str, from: &str, to: &str) {
        assert!(
            self.write().rename(uid, from, to),
            "cannot move {from} of {uid} to {to}"
        );
    }

    /// The etag, without quotes, that the user sees at a path.
    pub fn file_etag(&self, uid: &str, path: &str) -> Option<String> {
        let state = self.read();
        let located = state.locate(uid, path)?;
        Some(state.etag(uid, path, located))
    }

    /// The etag of the user's home folder.
    pub fn root_etag(&self, uid: &str) -> Option<String> {
        self.file_etag(uid, "/")
    }

    /// The file id at a path of the user's tree.
    pub fn file_id(&self, uid: &str, path: &str) -> Option<i64> {
        self.read().locate(uid, path).map(|located| located.node.id)
    }

    /// The bytes of a file.
    pub fn file_bytes(&self, uid: &str, path: &str) -> Option<Vec<u8>> {
        self.read()
            .locate(uid, path)
            .and_then(|located| located.node.bytes().map(|bytes| bytes.to_vec()))
    }

    /// Creates a note as the Notes app does; its id is its file id.
    ///
    /// # Panics
    /// If the user does not exist.
    pub fn put_note(&self, uid: &str, title: &str, category: &str, content: &str) -> i64 {
        let note = NewNote {
            title: title.to_owned(),
            category: category.to_owned(),
            content: content.to_owned(),
            favorite: false,
            modified: None,
        };
        create_note(&mut self.write(), uid, &note)
            .unwrap_or_else(|| panic!("cannot create note {title} of {uid}"))
    }
}

impl State {
    /// The id of the folder at a path, created with its parents where missing.
    pub(crate) fn make_folders(&mut self, uid: &str, path: &str) -> Option<i64> {
        if path.is_empty() || path == "/" {
            return self.user(uid).map(|user| user.root);
        }
        if let Some(found) = self.locate(uid, path) {
            return found.node.is_folder().then_some(found.node.id);
        }
        let (parent, name) = parent_and_name(path)?;
        let parent = self.make_folders(uid, parent)?;
        let empty = Content::Folder {
            children: BTreeMap::new(),
        };
        self.insert(parent, name, empty, None)
    }

    /// Deletes what a user sees at a path; a mount is unmounted.
    pub(crate) fn delete(&mut self, uid: &str, path: &str) -> bool {
        let Some(found) = self.locate(uid, path) else {
            return false;
        };
        let id = found.node.id;
        webhooks::deleted(self, uid, &NodeRef::of(uid, path, id));
        let Some(found) = self.locate(uid, path) else {
            return false;
        };
        if found.mount_root {
            let share = self.user(uid).and_then(|user| user.mounts.get(path)).copied();
            return share.is_some_and(|share| self.remove_share(share));
        }
        let below = format!("{}/", path.trim_end_matches('/'));
        for share in self.mounts_below(uid, &below).into_iter().map(|(_, share)| share) {
            self.remove_share(share);
        }
        let nodes = self.remove(id);
        self.trash.push(Trashed {
            uid: uid.to_owned(),
            path: path.to_owned(),
            nodes,
        });
        true
    }

    /// Takes the last deletion at a path back.
    fn restore(&mut self, uid: &str, path: &str) -> bool {
        let found = self
            .trash
            .iter()
            .rposition(|trashed| trashed.uid == uid && trashed.path == path);
        let (Some(found), None) = (found, self.locate(uid, path)) else {
            return false;
        };
        let parent = parent_and_name(path).and_then(|(folder, _)| self.make_folders(uid, folder));
        let Some(parent) = parent else {
            return false;
        };
        let trashed = self.trash.remove(found);
        let id = trashed.nodes.first().map(|node| node.id);
        self.put_back(trashed.nodes, parent);
        if let Some(id) = id {
            webhooks::restored(self, uid, &NodeRef::of(uid, path, id));
        }
        true
    }

    /// The mounts of a user whose path starts with `prefix`.
    fn mounts_below(&self, uid: &str, prefix: &str) -> Vec<(String, i64)> {
        self.user(uid)
            .into_iter()
            .flat_map(|user| &user.mounts)
            .filter(|(target, _)| target.starts_with(prefix))
            .map(|(target, share)| (target.clone(), *share))
            .collect()
    }

    /// Moves what a user sees at a path; a mount gets a new place, anything else keeps its id.
    pub(crate) fn rename(&mut self, uid: &str, from: &str, to: &str) -> bool {
        let (Some(source), None) = (self.locate(uid, from), self.locate(uid, to)) else {
            return false;
        };
        let (id, mount_root) = (source.node.id, source.mount_root);
        let Some((folder, name)) = parent_and_name(to) else {
            return false;
        };
        let Some(parent) = self.locate(uid, folder) else {
            return false;
        };
        let parent_id = parent.node.id;
        if !parent.node.is_folder() || self.is_within(parent_id, id) {
            return false;
        }
        if mount_root {
            if let Some(user) = self.users.get_mut(uid)
                && let Some(share) = user.mounts.remove(from)
            {
                user.mounts.insert(join(folder, name), share);
            }
            webhooks::moved(self, uid, from, &NodeRef::of(uid, to, id));
            return true;
        }
        let moved = self.mounts_below(uid, &format!("{from}/"));
        self.relocate(id, parent_id, name);
        if let Some(user) = self.users.get_mut(uid) {
            for (target, share) in moved {
                user.mounts.remove(&target);
                user.mounts
                    .insert(format!("{to}{}", &target[from.len()..]), share);
            }
        }
        webhooks::moved(self, uid, from, &NodeRef::of(uid, to, id));
        true
    }
}

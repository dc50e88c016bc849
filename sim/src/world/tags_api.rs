//! [`World`]: system tags.

use std::collections::BTreeSet;

use super::{State, World};

/// A system tag, visible to everybody.
#[derive(Clone, Debug, Default)]
pub(crate) struct SystemTag {
    pub(crate) name: String,
    /// Ids of files and folders.
    pub(crate) files: BTreeSet<i64>,
}

impl World {
    /// Puts a system tag on a file or folder, making the tag where it is missing. No `ETag` changes.
    ///
    /// # Panics
    /// If the path does not exist.
    pub fn tag_file(&self, uid: &str, path: &str, tag: &str) {
        let mut state = self.write();
        let file = state.locate(uid, path).map(|located| located.node.id);
        let file = file.unwrap_or_else(|| panic!("{path} of {uid} does not exist"));
        let known = state
            .tags
            .iter()
            .find(|(_, known)| known.name == tag)
            .map(|(id, _)| *id);
        let id = known.unwrap_or_else(|| state.add_tag(tag));
        if let Some(tag) = state.tags.get_mut(&id) {
            tag.files.insert(file);
        }
    }

    /// Takes a system tag off a file or folder.
    ///
    /// # Panics
    /// If the path does not exist.
    pub fn untag_file(&self, uid: &str, path: &str, tag: &str) {
        let mut state = self.write();
        let file = state.locate(uid, path).map(|located| located.node.id);
        let file = file.unwrap_or_else(|| panic!("{path} of {uid} does not exist"));
        for known in state.tags.values_mut().filter(|known| known.name == tag) {
            known.files.remove(&file);
        }
    }
}

impl State {
    /// Makes a tag and returns its id.
    pub(crate) fn add_tag(&mut self, name: &str) -> i64 {
        let id = self.tags.last_key_value().map_or(1, |(id, _)| id + 1);
        let tag = SystemTag {
            name: name.to_owned(),
            ..SystemTag::default()
        };
        self.tags.insert(id, tag);
        id
    }
}

//! Changing the trees: every change gives the node and each of its ancestors a new etag (facts §7).

use std::collections::BTreeMap;

use axum::body::Bytes;

use super::{Content, Node, State};

impl State {
    /// Creates a user's home folder.
    pub(crate) fn insert_root(&mut self, owner: &str) -> i64 {
        let id = self.next_node_id();
        let etag = self.new_folder_etag();
        let now = self.now();
        self.nodes.insert(
            id,
            Node {
                id,
                parent: None,
                name: String::new(),
                owner: owner.to_owned(),
                content: Content::Folder {
                    children: BTreeMap::new(),
                },
                etag,
                modified: now,
                changed: now,
                size: 0,
                checksum: None,
            },
        );
        id
    }

    /// Adds a node below `parent`; `None` if that is no folder or the name is taken.
    pub(crate) fn insert(
        &mut self,
        parent: i64,
        name: &str,
        content: Content,
        modified: Option<i64>,
    ) -> Option<i64> {
        let folder = self.node(parent)?;
        if folder.children()?.contains_key(name) {
            return None;
        }
        let owner = folder.owner.clone();
        let id = self.next_node_id();
        let now = self.now();
        let size = match &content {
            Content::File { bytes, .. } => bytes.len() as u64,
            Content::Folder { .. } => 0,
        };
        let etag = match &content {
            Content::File { .. } => self.new_file_etag(),
            Content::Folder { .. } => self.new_folder_etag(),
        };
        self.nodes.insert(
            id,
            Node {
                id,
                parent: None,
                name: name.to_owned(),
                owner,
                content,
                etag,
                modified: modified.unwrap_or(now),
                changed: now,
                size,
                checksum: None,
            },
        );
        self.attach(id, parent);
        Some(id)
    }

    /// Replaces a file's bytes.
    pub(crate) fn overwrite(&mut self, id: i64, new_bytes: Bytes, modified: Option<i64>) {
        let etag = self.new_file_etag();
        let now = self.now();
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let old_size = node.size;
        let new_size = new_bytes.len() as u64;
        if let Content::File { bytes, .. } = &mut node.content {
            *bytes = new_bytes;
        }
        node.size = new_size;
        node.checksum = None;
        node.etag = etag;
        node.modified = modified.unwrap_or(now);
        node.changed = now;
        let parent = node.parent;
        self.resize(parent, old_size, new_size);
        self.touch_ancestors(parent);
    }

    /// Marks a node as changed without changing its bytes.
    pub(crate) fn touch(&mut self, id: i64, modified: Option<i64>) {
        let folder = self.node(id).is_some_and(Node::is_folder);
        let etag = if folder {
            self.new_folder_etag()
        } else {
            self.new_file_etag()
        };
        let now = self.now();
        if let Some(node) = self.nodes.get_mut(&id) {
            node.etag = etag;
            node.changed = now;
            if let Some(modified) = modified {
                node.modified = modified;
            }
            let parent = node.parent;
            self.touch_ancestors(parent);
        }
    }

    /// Removes a node with everything below it, and the shares of what is gone. Returns the removed nodes,
    /// the top one first.
    pub(crate) fn remove(&mut self, id: i64) -> Vec<Node> {
        self.detach(id);
        let gone = self.subtree(id);
        let removed = gone.iter().filter_map(|node| self.nodes.remove(node)).collect();
        let dead: Vec<i64> = self
            .shares
            .values()
            .filter(|share| gone.contains(&share.node))
            .map(|share| share.id)
            .collect();
        for share in dead {
            self.remove_share(share);
        }
        removed
    }

    /// Puts removed nodes back, with their old ids, as a child of `parent`.
    pub(crate) fn put_back(&mut self, nodes: Vec<Node>, parent: i64) {
        let top = nodes.first().map(|node| node.id);
        self.nodes.extend(nodes.into_iter().map(|node| (node.id, node)));
        if let Some(top) = top {
            self.attach(top, parent);
        }
    }

    /// Moves a node below another folder, under a new name; it keeps its id.
    pub(crate) fn relocate(&mut self, id: i64, parent: i64, name: &str) {
        self.detach(id);
        let now = self.now();
        let owner = self.node(parent).map(|folder| folder.owner.clone());
        for part in self.subtree(id) {
            if let (Some(node), Some(owner)) = (self.nodes.get_mut(&part), &owner) {
                node.owner.clone_from(owner);
            }
        }
        if let Some(node) = self.nodes.get_mut(&id) {
            name.clone_into(&mut node.name);
            node.changed = now;
        }
        self.attach(id, parent);
    }

    /// Copies a node with everything below it; every copy has a new id. Returns the id of the top one.
    pub(crate) fn copy(&mut self, id: i64, parent: i64, name: &str) -> Option<i64> {
        let source = self.node(id)?.clone();
        match source.content {
            Content::File { .. } => self.insert(parent, name, source.content, Some(source.modified)),
            Content::Folder { children } => {
                let empty = Content::Folder {
                    children: BTreeMap::new(),
                };
                let copy = self.insert(parent, name, empty, None)?;
                for (child_name, child) in children {
                    self.copy(child, copy, &child_name);
                }
                Some(copy)
            }
        }
    }

    /// Whether `id` is `ancestor` or stands below it.
    pub(crate) fn is_within(&self, id: i64, ancestor: i64) -> bool {
        let mut current = Some(id);
        while let Some(step) = current {
            if step == ancestor {
                return true;
            }
            current = self.node(step).and_then(|node| node.parent);
        }
        false
    }

    /// A node and everything below it, the node itself first.
    fn subtree(&self, id: i64) -> Vec<i64> {
        let mut found = Vec::new();
        let mut open = vec![id];
        while let Some(next) = open.pop() {
            if let Some(children) = self.node(next).and_then(Node::children) {
                open.extend(children.values());
            }
            found.push(next);
        }
        found
    }

    fn attach(&mut self, id: i64, parent: i64) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        node.parent = Some(parent);
        let (name, size) = (node.name.clone(), node.size);
        if let Some(Content::Folder { children }) =
            self.nodes.get_mut(&parent).map(|folder| &mut folder.content)
        {
            children.insert(name, id);
        }
        self.resize(Some(parent), 0, size);
        self.touch_ancestors(Some(parent));
    }

    fn detach(&mut self, id: i64) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let Some(parent) = node.parent.take() else {
            return;
        };
        let (name, size) = (node.name.clone(), node.size);
        if let Some(Content::Folder { children }) =
            self.nodes.get_mut(&parent).map(|folder| &mut folder.content)
        {
            children.remove(&name);
        }
        self.resize(Some(parent), size, 0);
        self.touch_ancestors(Some(parent));
    }

    fn resize(&mut self, start: Option<i64>, old: u64, new: u64) {
        let mut current = start;
        while let Some(node) = current.and_then(|id| self.nodes.get_mut(&id)) {
            node.size = (node.size + new).saturating_sub(old);
            current = node.parent;
        }
    }

    /// One new etag and modification time for a folder and all folders above it.
    fn touch_ancestors(&mut self, start: Option<i64>) {
        let etag = self.new_folder_etag();
        let now = self.now();
        let mut current = start;
        while let Some(node) = current.and_then(|id| self.nodes.get_mut(&id)) {
            node.etag.clone_from(&etag);
            node.modified = now;
            node.changed = now;
            current = node.parent;
        }
    }
}

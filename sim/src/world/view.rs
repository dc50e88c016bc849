//! A user's view of the files: the own home with the received shares mounted into it.

use super::state::md5_hex;
use super::{Node, SharePermissions, State};

/// A node as one user sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Located<'s> {
    pub(crate) node: &'s Node,
    /// The permissions of the share it is seen through; `None` in the own home.
    pub(crate) via: Option<SharePermissions>,
    /// Whether it is the very node that was shared.
    pub(crate) mount_root: bool,
}

impl Located<'_> {
    /// Nextcloud's permission bits for this viewer.
    pub(crate) fn bits(&self) -> u32 {
        let own = if self.node.is_folder() { 31 } else { 27 };
        self.via.map_or(own, |share| share.bits() & own)
    }

    pub(crate) fn can_read(&self) -> bool {
        self.bits() & 1 != 0
    }

    pub(crate) fn can_update(&self) -> bool {
        self.bits() & 2 != 0
    }

    pub(crate) fn can_create(&self) -> bool {
        self.bits() & 4 != 0
    }

    /// A received share itself may always be removed from one's own tree.
    pub(crate) fn can_delete(&self) -> bool {
        self.mount_root || self.bits() & 8 != 0
    }

    /// The value of `oc:permissions`.
    pub(crate) fn letters(&self) -> String {
        let bits = self.bits();
        let mut text = String::new();
        let mut put = |on: bool, letters: &str| {
            if on {
                text.push_str(letters);
            }
        };
        put(self.via.is_some(), "S");
        put(bits & 16 != 0, "R");
        put(bits & 1 != 0, "G");
        put(self.can_delete(), "D");
        put(self.mount_root || bits & 2 != 0, "N");
        put(bits & 2 != 0, "V");
        if self.node.is_folder() {
            put(bits & 4 != 0, "CK");
        } else {
            put(bits & 2 != 0, "W");
        }
        text
    }
}

impl State {
    /// The node at a path (`/` or `/a/b`) of a user's tree.
    pub(crate) fn locate(&self, uid: &str, path: &str) -> Option<Located<'_>> {
        let user = self.user(uid)?;
        let mut prefix = path;
        let mut found = None;
        while prefix.len() > 1 {
            if let Some(share) = user.mounts.get(prefix) {
                found = Some((prefix, self.shares.get(share)?));
                break;
            }
            prefix = parent_and_name(prefix)?.0;
        }
        let (start, rest, via) = match found {
            Some((mount, share)) => (share.node, &path[mount.len()..], Some(share.permissions)),
            None => (user.root, path, None),
        };
        let mut node = self.node(start)?;
        let mut mount_root = via.is_some();
        for segment in rest.split('/').filter(|segment| !segment.is_empty()) {
            node = self.node(*node.children()?.get(segment)?)?;
            mount_root = false;
        }
        Some(Located {
            node,
            via,
            mount_root,
        })
    }

    /// The children that a user sees in a folder, by name.
    pub(crate) fn list<'s>(
        &'s self,
        uid: &str,
        path: &str,
        folder: Located<'s>,
    ) -> Vec<(String, Located<'s>)> {
        let mut entries: Vec<(String, Located<'s>)> = folder
            .node
            .children()
            .into_iter()
            .flatten()
            .filter_map(|(name, id)| {
                let node = self.node(*id)?;
                Some((
                    name.clone(),
                    Located {
                        node,
                        via: folder.via,
                        mount_root: false,
                    },
                ))
            })
            .collect();
        if folder.via.is_none() {
            entries.extend(self.mounts_in(uid, path).filter_map(|(target, located)| {
                let (parent, name) = parent_and_name(target)?;
                (parent == path).then(|| (name.to_owned(), located))
            }));
        }
        entries
    }

    /// Calls `visit` for the node at `path` and, down to `depth` levels, for everything below it, in the
    /// order of Nextcloud: a folder before its content.
    pub(crate) fn walk<'s>(
        &'s self,
        uid: &str,
        path: &str,
        depth: Option<u32>,
        visit: &mut dyn FnMut(&str, Located<'s>),
    ) {
        if let Some(start) = self.locate(uid, path) {
            self.walk_from(uid, path, start, depth, visit);
        }
    }

    fn walk_from<'s>(
        &'s self,
        uid: &str,
        path: &str,
        here: Located<'s>,
        depth: Option<u32>,
        visit: &mut dyn FnMut(&str, Located<'s>),
    ) {
        visit(path, here);
        if depth == Some(0) || !here.node.is_folder() {
            return;
        }
        let deeper = depth.map(|levels| levels - 1);
        for (name, child) in self.list(uid, path, here) {
            self.walk_from(uid, &join(path, &name), child, deeper, visit);
        }
    }

    /// Where a user sees a node: in the own home, through shares, or nowhere.
    pub(crate) fn paths_of(&self, uid: &str, id: i64) -> Vec<String> {
        let (Some(user), Some(node)) = (self.user(uid), self.node(id)) else {
            return Vec::new();
        };
        let mut paths = Vec::new();
        if node.owner == uid
            && let Some(path) = self.path_below(id, user.root)
        {
            paths.push(if path.is_empty() { "/".to_owned() } else { path });
        }
        for (target, share) in &user.mounts {
            if let Some(share) = self.shares.get(share)
                && let Some(rest) = self.path_below(id, share.node)
            {
                paths.push(format!("{target}{rest}"));
            }
        }
        paths
    }

    /// `""` for the ancestor itself, else `/a/b`.
    fn path_below(&self, id: i64, ancestor: i64) -> Option<String> {
        let mut names = Vec::new();
        let mut current = id;
        while current != ancestor {
            let node = self.node(current)?;
            names.push(node.name.as_str());
            current = node.parent?;
        }
        Some(
            names
                .iter()
                .rev()
                .fold(String::new(), |path, name| path + "/" + name),
        )
    }

    /// The etag that a user sees. A folder with mounts below it combines its own with theirs, so that a
    /// share gained, changed or lost shows, and losing it brings the old etag back (facts §7).
    pub(crate) fn etag(&self, uid: &str, path: &str, located: Located<'_>) -> String {
        if located.via.is_some() || !located.node.is_folder() {
            return located.node.etag.clone();
        }
        let mut combined = located.node.etag.clone();
        for (target, mount) in self.mounts_in(uid, path) {
            combined = format!("{combined}::{target}/{}{}", mount.node.etag, mount.bits());
        }
        if combined == located.node.etag {
            return combined;
        }
        md5_hex(&combined)
    }

    /// The size that a user sees, shares mounted below included.
    pub(crate) fn size(&self, uid: &str, path: &str, located: Located<'_>) -> u64 {
        let mut size = located.node.size;
        if located.via.is_none() && located.node.is_folder() {
            size += self
                .mounts_in(uid, path)
                .map(|(_, mount)| mount.node.size)
                .sum::<u64>();
        }
        size
    }

    /// The received shares mounted anywhere below a folder of the own home.
    fn mounts_in<'s>(&'s self, uid: &str, path: &str) -> impl Iterator<Item = (&'s str, Located<'s>)> {
        let prefix = if path == "/" {
            "/".to_owned()
        } else {
            format!("{path}/")
        };
        self.user(uid)
            .into_iter()
            .flat_map(|user| &user.mounts)
            .filter(move |(target, _)| target.starts_with(&prefix))
            .filter_map(|(target, share)| {
                let share = self.shares.get(share)?;
                let located = Located {
                    node: self.node(share.node)?,
                    via: Some(share.permissions),
                    mount_root: true,
                };
                Some((target.as_str(), located))
            })
    }
}

/// `/a/b` → (`/a`, `b`); `None` for the root.
pub(crate) fn parent_and_name(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/')?;
    if name.is_empty() {
        return None;
    }
    Some((if parent.is_empty() { "/" } else { parent }, name))
}

/// The path of `name` in a folder.
pub(crate) fn join(folder: &str, name: &str) -> String {
    if folder == "/" {
        format!("/{name}")
    } else {
        format!("{folder}/{name}")
    }
}

#[cfg(test)]
mod tests;

//! Files over `WebDAV`. Notes are files too (facts §6): the same id, the same version, seen below the notes folder.

use super::tags::{Tagged, Verdict};
use super::{
    Content, Coverage, Event, ExcludedFile, KnownState, ListedItem, Sink, Source, WantedItem, notes,
};
use crate::config::TagRules;
use crate::documents;
use crate::nextcloud::{DavEntry, NextcloudError, OpenFile};
use crate::sync::{Remote, SyncError};
use async_trait::async_trait;
use std::collections::{HashMap, HashSet};

/// More changed folders than this, and one large listing is cheaper than asking each (facts §7: 10,000 files come
/// in half a second).
const MAX_FOLDER_REQUESTS: usize = 16;

/// The user's files.
#[derive(Debug, Clone)]
pub struct FilesSource {
    /// Larger files are skipped, in bytes.
    pub max_file_size: u64,
    /// Which files are indexed.
    pub tags: TagRules,
}

#[async_trait]
impl Source for FilesSource {
    fn name(&self) -> &'static str {
        "files"
    }

    fn family(&self) -> &'static str {
        "file"
    }

    async fn list(
        &self,
        remote: &dyn Remote,
        known: &KnownState,
        sink: Sink<'_>,
    ) -> Result<Coverage, SyncError> {
        let root = remote.entry("/").await?;
        if let Some(instance) = &root.instance_id {
            sink(Event::Instance(instance.clone()));
        }
        let tagged = Tagged::read(&self.tags, remote).await?;
        let version = tagged.version(&self.tags, &root.etag);
        if !known.full_walk && known.root_etag.as_deref() == Some(version.as_str()) {
            return Ok(Coverage::Unchanged);
        }
        // Tagging changes no ETag, so folder ETags tell nothing about files whose tags changed.
        let retagged = known
            .root_etag
            .as_deref()
            .is_some_and(|version| !tagged.are_those_of(&self.tags, version));
        let notes_path = remote.notes_path().await?;
        let moved = notes_path != known.notes_path;
        let notes = notes::NotesFolder::new(notes_path.as_deref());
        sink(Event::NotesPath(notes_path));
        let mut walk = Walk {
            remote,
            notes,
            limit: self.max_file_size,
            tagged: &tagged,
            sink,
            folders: HashMap::new(),
        };
        let untrusted = known.full_walk || moved || retagged;
        let pruned = if untrusted || known.root_etag.is_none() || known.folders.is_empty() {
            None
        } else {
            walk.pruned(&known.folders).await?
        };
        if let Some((listed, vanished)) = pruned {
            let folders = walk.folders;
            return Ok(Coverage::Changes {
                root_etag: version,
                listed,
                vanished,
                folders,
            });
        }
        walk.folders.clear();
        walk.below("/").await?;
        Ok(Coverage::Everything {
            root_etag: version,
            folders: walk.folders,
        })
    }

    async fn fetch(&self, remote: &dyn Remote, item: &WantedItem) -> Result<Content, NextcloudError> {
        let download = remote.download(&item.path, self.max_file_size).await?;
        is_wanted(item, download.etag.as_deref())?;
        Ok(Content {
            bytes: download.bytes,
            mime_type: download.content_type,
        })
    }

    async fn open(
        &self,
        remote: &dyn Remote,
        item: &WantedItem,
        first: Option<u64>,
    ) -> Result<OpenFile, NextcloudError> {
        let opened = remote.open(&item.path, self.max_file_size, first).await?;
        is_wanted(item, opened.etag.as_deref())?;
        Ok(opened)
    }

    async fn version(&self, remote: &dyn Remote) -> Result<String, NextcloudError> {
        let root = remote.entry("/").await?;
        Ok(Tagged::read(&self.tags, remote)
            .await?
            .version(&self.tags, &root.etag))
    }
}

/// Whether the answer for the item's path is the version that was listed. A path names another file once the listed one
/// was moved and a new one put in its place, whose text is not for the readers of the first; its `ETag` tells, which
/// every file has (facts §7). A file that only changed looks the same here: the next scan shows its new version.
fn is_wanted(item: &WantedItem, etag: Option<&str>) -> Result<(), NextcloudError> {
    if etag == Some(item.etag.as_str()) {
        Ok(())
    } else {
        Err(NextcloudError::NotFound(
            "another version than the listed one".to_owned(),
        ))
    }
}

/// A listing under way.
struct Walk<'a> {
    remote: &'a dyn Remote,
    notes: notes::NotesFolder,
    limit: u64,
    tagged: &'a Tagged,
    sink: Sink<'a>,
    folders: HashMap<String, String>,
}

impl Walk<'_> {
    /// Lists everything below `path` in one request.
    async fn below(&mut self, path: &str) -> Result<(), NextcloudError> {
        let Self {
            remote,
            notes,
            limit,
            tagged,
            sink,
            folders,
        } = self;
        remote
            .walk(path, &mut |entry| {
                if entry.is_folder {
                    folders.insert(entry.path, entry.etag);
                } else if let Some(event) = event(entry, notes, *limit, tagged) {
                    sink(event);
                }
            })
            .await
    }

    /// Descends only where a folder's `ETag` changed. `None`: too many changed, list everything instead.
    async fn pruned(
        &mut self,
        known: &HashMap<String, String>,
    ) -> Result<Option<(Vec<String>, Vec<String>)>, NextcloudError> {
        let mut listed = Vec::new();
        let mut vanished = Vec::new();
        let mut due = vec!["/".to_owned()];
        let mut requests = 0;
        while let Some(folder) = due.pop() {
            requests += 1;
            if requests > MAX_FOLDER_REQUESTS {
                return Ok(None);
            }
            let mut children = HashSet::new();
            for entry in self.remote.children(&folder).await? {
                if !entry.is_folder {
                    if let Some(event) = event(entry, &self.notes, self.limit, self.tagged) {
                        (self.sink)(event);
                    }
                    continue;
                }
                children.insert(entry.path.clone());
                match known.get(&entry.path) {
                    Some(etag) if *etag == entry.etag => {}
                    Some(_) => {
                        due.push(entry.path.clone());
                        self.folders.insert(entry.path, entry.etag);
                    }
                    None => {
                        requests += 1;
                        if requests > MAX_FOLDER_REQUESTS {
                            return Ok(None);
                        }
                        self.below(&entry.path).await?;
                    }
                }
            }
            vanished.extend(
                known
                    .keys()
                    .filter(|path| parent(path) == Some(folder.as_str()) && !children.contains(*path))
                    .cloned(),
            );
            listed.push(folder);
        }
        Ok(Some((listed, vanished)))
    }
}

/// The folder that holds `path`; the root has none.
fn parent(path: &str) -> Option<&str> {
    let (parent, name) = path.rsplit_once('/')?;
    match (parent, name) {
        ("", "") => None,
        ("", _) => Some("/"),
        _ => Some(parent),
    }
}

/// What is told of a file: a document if this user may read it, an exclusion whether or not; `None` for what is not to be
/// indexed.
fn event(entry: DavEntry, notes: &notes::NotesFolder, limit: u64, tagged: &Tagged) -> Option<Event> {
    let verdict = tagged.verdict(entry.file_id, &entry.path);
    if verdict == Verdict::Exclude {
        return Some(Event::Excluded(ExcludedFile {
            native_id: entry.file_id.to_string(),
            path: entry.path,
        }));
    }
    if !entry.is_readable() || verdict == Verdict::LeaveOut {
        return None;
    }
    let mime = entry.content_type.as_deref();
    let skip = documents::is_candidate(mime, entry.name(), Some(entry.size), limit)
        .err()
        .map(documents::SkipReason::as_str);
    let (doc_type, title) = match notes.title_of(&entry.path) {
        Some(title) => ("note", title.to_owned()),
        None => ("file", entry.name().to_owned()),
    };
    Some(Event::Item(ListedItem {
        native_id: entry.file_id.to_string(),
        etag: entry.etag,
        mime_type: entry.content_type,
        size: i64::try_from(entry.size).unwrap_or(i64::MAX),
        modified: entry.last_modified,
        doc_type,
        path: entry.path,
        part: String::new(),
        title,
        keyword_only: verdict == Verdict::KeywordOnly,
        skip,
    }))
}

#[cfg(test)]
mod tests {
    use super::parent;

    #[test]
    fn the_root_holds_its_children_and_nothing_holds_the_root() {
        assert_eq!(parent("/"), None);
        assert_eq!(parent("/a"), Some("/"));
        assert_eq!(parent("/a/b"), Some("/a"));
    }
}

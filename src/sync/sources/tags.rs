//! Which files are indexed, by their system tags. Tags that cannot be read fail the scan: then nothing new is indexed and
//! no exclusion is lifted.

use crate::config::{FileSelection, TagRules};
use crate::nextcloud::{DavEntry, NextcloudError};
use crate::sync::Remote;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Tag of what is indexed for search by words and meaning.
pub const INDEX_TAG: &str = "vector-index";

/// Tag of what is indexed for search by words only.
pub const KEYWORD_TAG: &str = "keyword-index";

/// What scans keep of tags, in every version of a tree: more than the one before kept makes them list all files once.
/// 1: what is excluded.
const STORED: u8 = 1;

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is indexed.
    Index,
    /// It is indexed without dense vectors.
    KeywordOnly,
    /// It is no document to this user: it has none of the tags that choose files.
    LeaveOut,
    /// It is no document to anybody.
    Exclude,
}

/// Files with one kind of tag.
#[derive(Debug, Default, PartialEq, Eq)]
struct TagSet {
    ids: BTreeSet<i64>,
    /// Tagged folders, with a slash at the end.
    folders: BTreeSet<String>,
}

impl TagSet {
    /// A REPORT may leave out whether something is a folder; what is none has nothing below.
    fn add(&mut self, entry: &DavEntry) {
        self.ids.insert(entry.file_id);
        self.folders
            .insert(format!("{}/", entry.path.trim_end_matches('/')));
    }

    fn holds(&self, file_id: i64, path: &str) -> bool {
        self.ids.contains(&file_id)
            || path.match_indices('/').any(|(slash, _)| {
                path.get(..=slash)
                    .is_some_and(|folder| self.folders.contains(folder))
            })
    }

    fn digest(&self, hasher: &mut Sha256) {
        hasher.update(self.ids.len().to_le_bytes());
        for id in &self.ids {
            hasher.update(id.to_le_bytes());
        }
        for folder in &self.folders {
            hasher.update(folder.len().to_le_bytes());
            hasher.update(folder);
        }
    }
}

/// The tags of one user's files at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tagged {
    selection: FileSelection,
    excluded: TagSet,
    indexed: TagSet,
    keyword: TagSet,
}

impl Tagged {
    /// Reads the tags of one user: one request for their names, one for each tag that matters and is there; none when
    /// no tag matters.
    ///
    /// # Errors
    /// [`NextcloudError`] when any of them fails, also when a tag vanishes meanwhile (412). [`NextcloudError::NotFound`]
    /// for a tag of `EXCLUDED_TAGS` that this user does not see: one that was renamed, deleted or hidden would else lift
    /// its exclusion.
    pub async fn read(rules: &TagRules, remote: &dyn Remote) -> Result<Self, NextcloudError> {
        let selects = rules.selection == FileSelection::Tagged;
        let mut tagged = Self {
            selection: rules.selection,
            ..Self::default()
        };
        if !rules.need_tags() {
            return Ok(tagged);
        }
        let tags = remote.system_tags().await?;
        let unknown = |name: &&String| !tags.iter().any(|tag| tag.name == **name);
        if let Some(name) = rules.excluded.iter().find(unknown) {
            return Err(NextcloudError::NotFound(format!(
                "this user sees no system tag {name:?}: create it or remove it from EXCLUDED_TAGS"
            )));
        }
        for tag in tags {
            let set = match tag.name.as_str() {
                name if rules.excluded.iter().any(|excluded| excluded == name) => &mut tagged.excluded,
                INDEX_TAG if selects => &mut tagged.indexed,
                KEYWORD_TAG if selects => &mut tagged.keyword,
                _ => continue,
            };
            for entry in remote.tagged(tag.id).await? {
                set.add(&entry);
            }
        }
        Ok(tagged)
    }

    /// What is done with a file. An exclusion goes before everything, the better search before the other one.
    pub fn verdict(&self, file_id: i64, path: &str) -> Verdict {
        if self.excluded.holds(file_id, path) {
            Verdict::Exclude
        } else if self.selection == FileSelection::All || self.indexed.holds(file_id, path) {
            Verdict::Index
        } else if self.keyword.holds(file_id, path) {
            Verdict::KeywordOnly
        } else {
            Verdict::LeaveOut
        }
    }

    /// The version of a tree with the `ETag` `root`: it moves with the tags too. Without tags it is the `ETag`.
    pub fn version(&self, rules: &TagRules, root: &str) -> String {
        if !rules.need_tags() {
            return root.to_owned();
        }
        format!("{root} {}", self.fingerprint())
    }

    /// Whether the tags are those of a version that [`Tagged::version`] made.
    pub fn are_those_of(&self, rules: &TagRules, version: &str) -> bool {
        match version.split_once(' ') {
            Some((_root, fingerprint)) => rules.need_tags() && fingerprint == self.fingerprint(),
            None => !rules.need_tags(),
        }
    }

    fn fingerprint(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update([STORED, u8::from(self.selection == FileSelection::Tagged)]);
        for set in [&self.excluded, &self.indexed, &self.keyword] {
            set.digest(&mut hasher);
        }
        hex::encode(hasher.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(entries: &[(i64, &str)]) -> TagSet {
        TagSet {
            ids: entries.iter().map(|(id, _)| *id).collect(),
            folders: entries.iter().map(|(_, path)| format!("{path}/")).collect(),
        }
    }

    #[test]
    fn an_excluded_folder_takes_everything_below_it_and_nothing_beside_it() {
        let tagged = Tagged {
            excluded: set(&[(7, "/Private")]),
            ..Tagged::default()
        };
        assert_eq!(tagged.verdict(9, "/Private/deep/a.md"), Verdict::Exclude);
        assert_eq!(tagged.verdict(9, "/Private.md"), Verdict::Index);
        assert_eq!(tagged.verdict(9, "/PrivateToo/a.md"), Verdict::Index);
        assert_eq!(
            tagged.verdict(7, "/elsewhere.md"),
            Verdict::Exclude,
            "the id tells too"
        );
    }

    #[test]
    fn exclusion_goes_first_and_the_better_search_second() {
        let tagged = Tagged {
            selection: FileSelection::Tagged,
            excluded: set(&[(1, "/a.md")]),
            indexed: set(&[(1, "/a.md"), (2, "/b.md")]),
            keyword: set(&[(2, "/b.md"), (3, "/c")]),
        };
        let verdict = |id, path| tagged.verdict(id, path);
        assert_eq!(verdict(1, "/a.md"), Verdict::Exclude);
        assert_eq!(verdict(2, "/b.md"), Verdict::Index);
        assert_eq!(verdict(4, "/c/d.md"), Verdict::KeywordOnly);
        assert_eq!(verdict(5, "/e.md"), Verdict::LeaveOut);
    }

    #[test]
    fn the_version_moves_with_the_tags_and_with_the_rules() {
        let rules = TagRules {
            selection: FileSelection::All,
            excluded: vec!["secret".to_owned()],
        };
        let (none, some) = (
            Tagged::default(),
            Tagged {
                excluded: set(&[(1, "/a.md")]),
                ..Tagged::default()
            },
        );
        let version = none.version(&rules, "root");
        assert!(none.are_those_of(&rules, &version));
        assert!(!some.are_those_of(&rules, &version));
        assert_ne!(version, some.version(&rules, "root"));
        let free = TagRules::default();
        assert_eq!(none.version(&free, "root"), "root");
        assert!(none.are_those_of(&free, "root"));
        assert!(!none.are_those_of(&free, &version), "the rules were dropped");
        assert!(!none.are_those_of(&rules, "root"), "the rules are new");
    }
}

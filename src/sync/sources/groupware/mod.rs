//! Calendars over `CalDAV` and address books over `CardDAV`: one source each, over the same listing.
//!
//! A part is a calendar or address book. One PROPFIND of the home tells which changed; of those, `sync-collection` tells
//! what changed since the stored token, and `multiget` brings it. Nextcloud takes a token that it does not know (it was
//! restored from a backup, or forgot old changes) for one without changes (facts §8). So a collection whose version moved
//! although no change is told is listed anew, and everything is listed anew now and then.
//!
//! Left out: what an app generates (it has no sync token: boards of Deck, which are a source of their own, and "recently
//! contacted"), the address book of all accounts, and, for readers of a shared calendar, what its owner declared private
//! or confidential: Nextcloud shows them a busy time at most.

mod contact;
mod event;
mod when;

use super::{Content, Coverage, Event, KnownState, ListedItem, Sink, Source, WantedItem};
use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use crate::nextcloud::groupware::{
    self, Collection, CollectionChanges, CollectionKey, CollectionKind, CollectionObject, ObjectKey, Objects,
};
use crate::sync::{Remote, SyncError};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, HashMap};

/// Objects in one multiget.
const PER_REQUEST: usize = 100;

/// The address book in which Nextcloud shows everybody all accounts.
const ACCOUNTS: &str = "z-server-generated--system";

/// The calendars or the address books of a user.
#[derive(Debug, Clone, Copy)]
pub struct GroupwareSource {
    kind: CollectionKind,
}

impl GroupwareSource {
    /// Events and tasks.
    pub fn calendars() -> Self {
        Self {
            kind: CollectionKind::Calendar,
        }
    }

    /// Contacts.
    pub fn address_books() -> Self {
        Self {
            kind: CollectionKind::AddressBook,
        }
    }

    /// The collections that are indexed, with their keys, in a stable order.
    async fn collections(
        &self,
        remote: &dyn Remote,
    ) -> Result<BTreeMap<CollectionKey, Collection>, NextcloudError> {
        let reader = remote.reader();
        let all = remote.collections(self.kind).await?;
        let mut collections = groupware::by_key(all, &reader);
        collections.retain(|_, collection| collection.sync_token.is_some() && collection.uri != ACCOUNTS);
        Ok(collections)
    }

    /// What becomes of an object for this reader; `None` when it is no document of theirs.
    fn document(self, key: &CollectionKey, reader: &UserId, data: &str) -> Option<Document> {
        match self.kind {
            CollectionKind::Calendar => {
                let event = event::read(data)?;
                (event.public || key.belongs_to(reader)).then_some(Document {
                    title: event.title,
                    text: event.text,
                    modified: event.modified,
                })
            }
            CollectionKind::AddressBook => {
                let contact = contact::read(data)?;
                Some(Document {
                    title: contact.title,
                    text: contact.text,
                    modified: contact.modified,
                })
            }
        }
    }

    /// Contents of objects of one collection, by name.
    async fn contents(
        &self,
        remote: &dyn Remote,
        key: &CollectionKey,
        names: &[String],
    ) -> Result<HashMap<String, Content>, NextcloudError> {
        let reader = remote.reader();
        let uri = key.uri_for(&reader);
        let objects = remote
            .collection_objects(self.kind, &uri, Objects::Named(names))
            .await?;
        Ok(objects
            .into_iter()
            .filter_map(|object| {
                let document = self.document(key, &reader, object.data.as_deref()?)?;
                let content = Content {
                    bytes: Bytes::from(document.text),
                    mime_type: Some("text/markdown".to_owned()),
                };
                Some((object.name, content))
            })
            .collect())
    }
}

/// An event or contact.
struct Document {
    title: String,
    text: String,
    modified: Option<DateTime<Utc>>,
}

/// The version of a collection: what changes with its content or its name, one in a line.
fn version(collection: &Collection) -> String {
    let part = |text: &Option<String>| text.as_deref().unwrap_or_default().replace('\n', " ");
    format!(
        "{}\n{}\n{}",
        part(&collection.sync_token),
        part(&collection.ctag),
        collection.name.replace('\n', " ")
    )
}

/// The token in a stored version, if the collection is called as it was: paths hold its name.
fn token_of<'v>(version: &'v str, collection: &Collection) -> Option<&'v str> {
    let mut lines = version.split('\n');
    let (token, _ctag, name) = (lines.next()?, lines.next()?, lines.next()?);
    (!token.is_empty() && name == collection.name.replace('\n', " ")).then_some(token)
}

/// The version of all collections.
fn version_of_all(collections: &BTreeMap<CollectionKey, Collection>) -> String {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    for (key, collection) in collections {
        for text in [key.part(), version(collection)] {
            hasher.update(text.len().to_le_bytes());
            hasher.update(text.as_bytes());
        }
    }
    hex::encode(hasher.finalize())
}

#[async_trait]
impl Source for GroupwareSource {
    fn name(&self) -> &'static str {
        match self.kind {
            CollectionKind::Calendar => "calendar",
            CollectionKind::AddressBook => "contacts",
        }
    }

    fn family(&self) -> &'static str {
        match self.kind {
            CollectionKind::Calendar => "calendar",
            CollectionKind::AddressBook => "contact",
        }
    }

    async fn list(
        &self,
        remote: &dyn Remote,
        known: &KnownState,
        sink: Sink<'_>,
    ) -> Result<Coverage, SyncError> {
        let collections = self.collections(remote).await?;
        let everything = version_of_all(&collections);
        if !known.full_walk && known.root_etag.as_ref() == Some(&everything) {
            return Ok(Coverage::Unchanged);
        }
        let mut listing = Listing {
            source: *self,
            remote,
            reader: remote.reader(),
            sink,
            listed: Vec::new(),
            gone: Vec::new(),
        };
        let mut parts = HashMap::new();
        for (key, collection) in &collections {
            let (part, now) = (key.part(), version(collection));
            let before = known.parts.get(&part).filter(|_| !known.full_walk);
            if before != Some(&now) {
                let token = before.and_then(|before| token_of(before, collection));
                listing.look_into(key, collection, token).await?;
            }
            parts.insert(part, now);
        }
        let Listing { listed, gone, .. } = listing;
        Ok(Coverage::Parts {
            version: everything,
            parts,
            listed,
            gone,
        })
    }

    async fn fetch(&self, remote: &dyn Remote, item: &WantedItem) -> Result<Content, NextcloudError> {
        let missing = || NextcloudError::NotFound(item.native_id.clone());
        let mut found = self.fetch_many(remote, std::slice::from_ref(item)).await?;
        found.remove(&item.native_id).ok_or_else(missing)
    }

    async fn fetch_many(
        &self,
        remote: &dyn Remote,
        items: &[WantedItem],
    ) -> Result<HashMap<String, Content>, NextcloudError> {
        let mut by_collection: BTreeMap<CollectionKey, Vec<String>> = BTreeMap::new();
        for key in items.iter().filter_map(|item| ObjectKey::parse(&item.native_id)) {
            by_collection.entry(key.collection).or_default().push(key.name);
        }
        // The address of somebody else's collection is a name that the reader can give to an own one: only the owner that
        // Nextcloud tells proves whose it is. Otherwise a reader could write the text that others find.
        let reader = remote.reader();
        if by_collection.keys().any(|key| !key.belongs_to(&reader)) {
            let seen = self.collections(remote).await?;
            by_collection.retain(|key, _| key.belongs_to(&reader) || seen.contains_key(key));
        }
        let mut found = HashMap::new();
        for (key, names) in by_collection {
            for names in names.chunks(PER_REQUEST) {
                let contents = self.contents(remote, &key, names).await?;
                found.extend(
                    contents
                        .into_iter()
                        .map(|(name, content)| (key.object(&name).native_id(), content)),
                );
            }
        }
        Ok(found)
    }

    async fn version(&self, remote: &dyn Remote) -> Result<String, NextcloudError> {
        Ok(version_of_all(&self.collections(remote).await?))
    }
}

/// A listing under way.
struct Listing<'a> {
    source: GroupwareSource,
    remote: &'a dyn Remote,
    reader: UserId,
    sink: Sink<'a>,
    listed: Vec<String>,
    gone: Vec<String>,
}

impl Listing<'_> {
    /// Asks for the changes since `token`, or for everything.
    async fn look_into(
        &mut self,
        key: &CollectionKey,
        collection: &Collection,
        token: Option<&str>,
    ) -> Result<(), NextcloudError> {
        if let Some(token) = token {
            match self
                .remote
                .collection_changes(self.source.kind, &collection.uri, token)
                .await
            {
                Ok(changes) if tells_enough(&changes) => {
                    return self.changes(key, collection, changes).await;
                }
                // The version moved and nothing is told: the token is unknown, or something else about it changed.
                Ok(_) => tracing::debug!(part = key.part(), "its changes are not told; it is listed anew"),
                Err(NextcloudError::Forbidden(_)) => {
                    tracing::debug!(part = key.part(), "its token is refused; it is listed anew");
                }
                Err(error) => return Err(error),
            }
        }
        let objects = self
            .remote
            .collection_objects(self.source.kind, &collection.uri, Objects::All)
            .await?;
        for object in objects {
            self.show(key, collection, object);
        }
        self.listed.push(key.part());
        Ok(())
    }

    async fn changes(
        &mut self,
        key: &CollectionKey,
        collection: &Collection,
        changes: CollectionChanges,
    ) -> Result<(), NextcloudError> {
        let CollectionChanges { changed, gone, .. } = changes;
        self.gone
            .extend(gone.iter().map(|name| key.object(name).native_id()));
        for names in changed.chunks(PER_REQUEST) {
            let objects = self
                .remote
                .collection_objects(self.source.kind, &collection.uri, Objects::Named(names))
                .await?;
            // What is not there by now, or not for this reader, is left out of the answer.
            let mut missing: Vec<&String> = names.iter().collect();
            for object in objects {
                let name = object.name.clone();
                if self.show(key, collection, object) {
                    missing.retain(|other| **other != name);
                }
            }
            self.gone
                .extend(missing.into_iter().map(|name| key.object(name).native_id()));
        }
        Ok(())
    }

    /// Tells of an object; `false` when it is no document of this reader's.
    fn show(&mut self, key: &CollectionKey, collection: &Collection, object: CollectionObject) -> bool {
        let Some(data) = object.data else {
            return false;
        };
        let Some(document) = self.source.document(key, &self.reader, &data) else {
            return false;
        };
        (self.sink)(Event::Item(ListedItem {
            native_id: key.object(&object.name).native_id(),
            etag: object.etag,
            mime_type: None,
            size: i64::try_from(data.len()).unwrap_or(i64::MAX),
            modified: document.modified,
            doc_type: self.source.family(),
            path: format!("/{}/{}", segment(&collection.name), segment(&document.title)),
            part: key.part(),
            title: document.title,
            keyword_only: false,
            skip: None,
        }));
        true
    }
}

/// Whether a report without an end may be believed.
fn tells_enough(changes: &CollectionChanges) -> bool {
    let silent = changes.changed.is_empty() && changes.gone.is_empty();
    !changes.truncated && !silent
}

/// A name as one segment of a path.
fn segment(name: &str) -> String {
    name.replace('/', " ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(token: &str, ctag: &str, name: &str) -> Collection {
        Collection {
            uri: "personal".into(),
            name: name.into(),
            owner: None,
            ctag: Some(ctag.into()),
            sync_token: Some(token.into()),
        }
    }

    #[test]
    fn a_stored_version_gives_its_token_while_the_name_stays() {
        let before = collection("t/5", "c5", "Personal");
        let now = collection("t/6", "c6", "Personal");
        assert_eq!(token_of(&version(&before), &now), Some("t/5"));
        assert_ne!(version(&before), version(&now));
        assert_eq!(
            token_of(&version(&before), &collection("t/6", "c6", "Private")),
            None
        );
        assert_eq!(token_of("nonsense", &now), None);
    }
}

//! Calendars and address books of the small Nextcloud, with sync tokens that count.

use super::cloud::FakeCloud;
use crate::ids::UserId;
use crate::nextcloud::NextcloudError;
use crate::nextcloud::groupware::{Collection, CollectionChanges, CollectionKind, CollectionObject, Objects};
use std::collections::BTreeMap;

/// One calendar or address book.
#[derive(Default)]
pub struct FakeCollection {
    objects: BTreeMap<String, (String, String)>,
    /// Names in the order in which they changed; the token is their number plus `offset`.
    log: Vec<String>,
    offset: usize,
    readers: Vec<String>,
}

/// All of them, by kind, owner and address.
pub type Collections = BTreeMap<(bool, String, String), FakeCollection>;

impl FakeCollection {
    fn token(&self) -> String {
        format!("http://sabre.io/ns/sync/{}", self.log.len() + self.offset)
    }
}

fn key(kind: CollectionKind, owner: &str, uri: &str) -> (bool, String, String) {
    (kind == CollectionKind::Calendar, owner.to_owned(), uri.to_owned())
}

impl FakeCloud {
    /// Writes an object; the collection is made with its first one.
    pub fn put_object(&self, kind: CollectionKind, owner: &str, uri: &str, name: &str, data: &str) {
        self.change(kind, owner, uri, |collection| {
            collection.log.push(name.to_owned());
            let etag = format!("{}-{}", collection.log.len(), data.len());
            collection
                .objects
                .insert(name.to_owned(), (etag, data.to_owned()));
        });
    }

    /// Deletes an object.
    pub fn delete_object(&self, kind: CollectionKind, owner: &str, uri: &str, name: &str) {
        self.change(kind, owner, uri, |collection| {
            collection.log.push(name.to_owned());
            collection.objects.remove(name);
        });
    }

    /// Shows a collection to others, and to nobody else.
    pub fn share_collection(&self, kind: CollectionKind, owner: &str, uri: &str, readers: &[&str]) {
        self.change(kind, owner, uri, |collection| {
            collection.readers = readers.iter().map(|reader| (*reader).to_owned()).collect();
        });
    }

    /// As after a restored backup: the changes are forgotten, an object too, and the token counts from `number`.
    pub fn restore_collection(
        &self,
        kind: CollectionKind,
        owner: &str,
        uri: &str,
        lost: &str,
        number: usize,
    ) {
        self.change(kind, owner, uri, |collection| {
            collection.objects.remove(lost);
            collection.log.clear();
            collection.offset = number;
        });
    }

    fn change(&self, kind: CollectionKind, owner: &str, uri: &str, change: impl FnOnce(&mut FakeCollection)) {
        self.with_collections(|collections| change(collections.entry(key(kind, owner, uri)).or_default()));
    }
}

pub fn home(collections: &Collections, kind: CollectionKind, reader: &UserId) -> Vec<Collection> {
    let of_kind = collections
        .iter()
        .filter(|((calendar, ..), _)| *calendar == (kind == CollectionKind::Calendar));
    of_kind
        .filter_map(|((_, owner, uri), collection)| {
            let own = owner == reader.as_str();
            let shared = collection.readers.iter().any(|other| other == reader.as_str());
            (own || shared).then(|| Collection {
                uri: if own {
                    uri.clone()
                } else {
                    format!("{uri}_shared_by_{owner}")
                },
                name: if own {
                    uri.clone()
                } else {
                    format!("{uri} ({owner})")
                },
                owner: Some(format!("principals/users/{owner}")),
                ctag: Some(collection.token()),
                sync_token: Some(collection.token()),
            })
        })
        .collect()
}

/// The collection that a reader sees under `uri`.
fn seen<'c>(
    collections: &'c Collections,
    kind: CollectionKind,
    reader: &UserId,
    uri: &str,
) -> Result<(&'c FakeCollection, bool), NextcloudError> {
    let (owner, bare) = match uri.rsplit_once("_shared_by_") {
        Some((bare, owner)) => (owner, bare),
        None => (reader.as_str(), uri),
    };
    collections
        .get(&key(kind, owner, bare))
        .filter(|collection| {
            owner == reader.as_str() || collection.readers.iter().any(|other| other == reader.as_str())
        })
        .map(|collection| (collection, owner == reader.as_str()))
        .ok_or_else(|| NextcloudError::NotFound(uri.to_owned()))
}

/// A token that is not known is taken for one without changes.
pub fn changes(
    collections: &Collections,
    kind: CollectionKind,
    reader: &UserId,
    uri: &str,
    token: &str,
) -> Result<CollectionChanges, NextcloudError> {
    let (collection, _) = seen(collections, kind, reader, uri)?;
    let number: usize = token
        .rsplit('/')
        .next()
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| NextcloudError::Forbidden("Invalid or unknown sync token".into()))?;
    let from = number.saturating_sub(collection.offset);
    let mut names: Vec<String> = collection.log.iter().skip(from).cloned().collect();
    names.sort();
    names.dedup();
    let (changed, gone) = names
        .into_iter()
        .partition(|name| collection.objects.contains_key(name));
    Ok(CollectionChanges {
        changed,
        gone,
        token: Some(collection.token()),
        truncated: false,
    })
}

pub fn objects(
    collections: &Collections,
    kind: CollectionKind,
    reader: &UserId,
    uri: &str,
    wanted: Objects<'_>,
) -> Result<Vec<CollectionObject>, NextcloudError> {
    let (collection, own) = seen(collections, kind, reader, uri)?;
    let (names, content) = match wanted {
        Objects::All => (None, true),
        Objects::Named(names) => (Some(names), true),
        Objects::Present(names) => (Some(names), false),
    };
    Ok(collection
        .objects
        .iter()
        .filter(|(name, _)| names.is_none_or(|names| names.contains(name)))
        .filter(|(_, (_, data))| own || !data.contains("CLASS:PRIVATE"))
        .map(|(name, (etag, data))| {
            let masked = !own && data.contains("CLASS:CONFIDENTIAL");
            let data = if masked {
                event("Busy", "CLASS:CONFIDENTIAL\r\n")
            } else {
                data.clone()
            };
            CollectionObject {
                name: name.clone(),
                etag: etag.clone(),
                data: content.then_some(data),
            }
        })
        .collect())
}

/// An event with these lines beside its summary.
pub fn event(summary: &str, more: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:e\r\nDTSTART:20260102T100000Z\r\nSUMMARY:{summary}\r\n\
         {more}END:VEVENT\r\nEND:VCALENDAR\r\n"
    )
}

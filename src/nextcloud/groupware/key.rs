//! What identifies an event or contact across its readers.
//!
//! Nextcloud shows a shared calendar in the home of each reader under `<uri>_shared_by_<owner>`, with the owner in
//! `oc:owner-principal`, and its objects under the same names with the same `ETags`. So owner, the owner's address of the
//! collection, and the object's name are one key for everybody. Neither part can be forged by a reader: the owner is told
//! by Nextcloud, and only what belongs to somebody else loses a suffix.

use super::Collection;
use crate::ids::UserId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::collections::{BTreeMap, HashMap};

/// Everything but the unreserved characters of RFC 3986: parts are told apart by `/`.
const PART: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What principals of accounts start with.
const USERS: &str = "principals/users/";

/// A calendar or address book, the same for all readers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CollectionKey {
    /// UID of the owner, or the whole principal of an owner that is no account.
    owner: String,
    /// Last segment of the owner's address.
    uri: String,
}

impl CollectionKey {
    /// The key of what `reader` sees as `collection`. Without an owner it is the reader's own.
    pub fn of(collection: &Collection, reader: &UserId) -> Self {
        let owner = collection
            .owner
            .as_deref()
            .map(|principal| principal.trim_matches('/'));
        let owner = match owner {
            Some(principal) if !principal.is_empty() => {
                principal.strip_prefix(USERS).unwrap_or(principal).to_owned()
            }
            _ => reader.as_str().to_owned(),
        };
        let own = owner == reader.as_str();
        let uri = match collection.uri.strip_suffix(&suffix(&owner)) {
            Some(uri) if !own && !uri.is_empty() => uri,
            _ => &collection.uri,
        };
        Self {
            uri: uri.to_owned(),
            owner,
        }
    }

    /// The key of a collection that its owner's principal and address name, as webhooks tell them.
    pub fn of_owner(principal: &str, uri: &str) -> Self {
        let principal = principal.trim_matches('/');
        Self {
            owner: principal.strip_prefix(USERS).unwrap_or(principal).to_owned(),
            uri: uri.to_owned(),
        }
    }

    /// Whether it is `reader`'s own.
    pub fn belongs_to(&self, reader: &UserId) -> bool {
        self.owner == reader.as_str()
    }

    /// Last segment of its address in the home of `reader`.
    pub fn uri_for(&self, reader: &UserId) -> String {
        if self.belongs_to(reader) {
            self.uri.clone()
        } else {
            format!("{}{}", self.uri, suffix(&self.owner))
        }
    }

    /// `<owner>/<uri>`, each percent-encoded: the name of the part in the sync.
    pub fn part(&self) -> String {
        format!("{}/{}", encode(&self.owner), encode(&self.uri))
    }

    /// The key of an object in it.
    pub fn object(&self, name: &str) -> ObjectKey {
        ObjectKey {
            collection: self.clone(),
            name: name.to_owned(),
        }
    }
}

/// The collections of `reader`'s home, by their keys.
///
/// The address of a shared one is a name that the reader can give to an own one as well, and then nobody knows which of
/// them answers. So a shared one is left out where another has its address; databases may ignore the case of it.
pub fn by_key(collections: Vec<Collection>, reader: &UserId) -> BTreeMap<CollectionKey, Collection> {
    let mut addresses: HashMap<String, usize> = HashMap::new();
    for collection in &collections {
        *addresses.entry(collection.uri.to_lowercase()).or_default() += 1;
    }
    collections
        .into_iter()
        .map(|collection| (CollectionKey::of(&collection, reader), collection))
        .filter(|(key, collection)| {
            key.belongs_to(reader) || addresses.get(&collection.uri.to_lowercase()) == Some(&1)
        })
        .collect()
}

/// An event, task or contact, the same for all readers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey {
    /// What holds it.
    pub collection: CollectionKey,
    /// Last segment of its address.
    pub name: String,
}

impl ObjectKey {
    /// `<owner>/<uri>/<name>`, each percent-encoded: the native id of the document.
    pub fn native_id(&self) -> String {
        format!("{}/{}", self.collection.part(), encode(&self.name))
    }

    /// Reads a native id; `None` for what is none.
    pub fn parse(native_id: &str) -> Option<Self> {
        let mut parts = native_id.split('/').map(decode);
        let (owner, uri, name) = (parts.next()??, parts.next()??, parts.next()??);
        parts.next().is_none().then_some(Self {
            collection: CollectionKey { owner, uri },
            name,
        })
    }
}

/// What Nextcloud puts after the address of a shared collection: the last segment of its owner's principal.
fn suffix(owner: &str) -> String {
    format!("_shared_by_{}", owner.rsplit('/').next().unwrap_or(owner))
}

/// One path segment.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, PART).to_string()
}

/// One path segment; `None` when it is empty, no UTF-8 or would change the path.
pub(super) fn decode(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    let plain = !matches!(&*decoded, "" | "." | "..") && !decoded.contains('\0');
    plain.then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(uri: &str, owner: Option<&str>) -> Collection {
        Collection {
            uri: uri.into(),
            name: String::new(),
            owner: owner.map(str::to_owned),
            ctag: None,
            sync_token: None,
        }
    }

    #[test]
    fn owner_and_readers_have_one_key() {
        let (alice, bob) = (UserId::new("alice"), UserId::new("bob"));
        let own = CollectionKey::of(&collection("personal", Some("principals/users/alice")), &alice);
        let shared = CollectionKey::of(
            &collection("personal_shared_by_alice", Some("principals/users/alice")),
            &bob,
        );
        assert_eq!(own, shared);
        assert_eq!(own, CollectionKey::of_owner("principals/users/alice", "personal"));
        assert_eq!(own.uri_for(&alice), "personal");
        assert_eq!(own.uri_for(&bob), "personal_shared_by_alice");
        assert_eq!(own.part(), "alice/personal");
        assert_eq!(own, CollectionKey::of(&collection("personal", None), &alice));
    }

    #[test]
    fn a_name_that_only_looks_shared_stays_its_owners() {
        let bob = UserId::new("bob");
        let own = CollectionKey::of(
            &collection("personal_shared_by_alice", Some("principals/users/bob")),
            &bob,
        );
        assert_eq!(own.part(), "bob/personal_shared_by_alice");
        let without = CollectionKey::of(&collection("personal_shared_by_alice", None), &bob);
        assert_eq!(without, own);
        let bare = CollectionKey::of(
            &collection("_shared_by_alice", Some("principals/users/alice")),
            &bob,
        );
        assert_eq!(bare.part(), "alice/_shared_by_alice");
    }

    #[test]
    fn a_shared_address_that_another_has_too_proves_nothing() {
        let bob = UserId::new("bob");
        let shared = collection("team_shared_by_alice", Some("principals/users/alice"));
        let alone = by_key(vec![shared.clone()], &bob);
        assert_eq!(
            alone.keys().map(CollectionKey::part).collect::<Vec<_>>(),
            ["alice/team"]
        );
        for own in ["team_shared_by_alice", "Team_shared_by_Alice"] {
            let own = collection(own, Some("principals/users/bob"));
            let both = by_key(vec![shared.clone(), own], &bob);
            assert!(both.keys().all(|key| key.belongs_to(&bob)), "{both:?}");
            assert_eq!(both.len(), 1);
        }
    }

    #[test]
    fn native_ids_read_back_whatever_stands_in_them() {
        for (owner, uri, name) in [
            ("principals/users/ann @x", "a/b", "1:2 ü#?.ics"),
            ("principals/groups/x", "c", "%2f.ics"),
        ] {
            let key = CollectionKey::of_owner(owner, uri).object(name);
            let id = key.native_id();
            assert_eq!(id.matches('/').count(), 2, "{id}");
            assert!(!id.contains(':'));
            assert_eq!(ObjectKey::parse(&id), Some(key));
        }
        for id in ["", "a", "a/b", "a/b/c/d", "a//c", "a/b/..", "a/b/%ff", "12"] {
            assert_eq!(ObjectKey::parse(id), None, "{id}");
        }
    }
}

//! Calendars and address books as they are stored, with counted changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::{State, md5_hex};

/// Which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Calendar,
    AddressBook,
}

/// An event, task or contact.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) data: String,
    pub(crate) etag: String,
    pub(crate) modified: i64,
}

impl Object {
    /// `vevent`, `vtodo` …
    pub(super) fn component(&self) -> &'static str {
        for name in ["vevent", "vtodo", "vjournal"] {
            if self.data.to_lowercase().contains(&format!("begin:{name}")) {
                return name;
            }
        }
        "vevent"
    }

    /// The first value of a property, unfolded lines aside.
    pub(super) fn property(&self, name: &str) -> Option<&str> {
        self.data.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            let key = key.split(';').next()?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// A calendar or address book.
#[derive(Clone, Debug)]
pub(crate) struct Collection {
    pub(crate) kind: Kind,
    pub(crate) owner: String,
    pub(crate) uri: String,
    pub(crate) name: String,
    /// `VEVENT`, `VTODO`.
    pub(super) components: Vec<String>,
    pub(crate) objects: BTreeMap<String, Object>,
    /// What the next change is numbered; a client that holds it knows everything.
    pub(crate) token: u64,
    /// Number and name of each change.
    pub(crate) changes: Vec<(u64, String)>,
    pub(crate) readers: BTreeSet<String>,
    /// UIDs in the trash bin: putting one again is a database error (facts §8).
    pub(super) trashed: BTreeSet<String>,
}

impl Collection {
    pub(crate) fn new(kind: Kind, owner: &str, uri: &str, name: &str) -> Self {
        Self {
            kind,
            owner: owner.to_owned(),
            uri: uri.to_owned(),
            name: name.to_owned(),
            components: vec!["VEVENT".to_owned(), "VTODO".to_owned()],
            objects: BTreeMap::new(),
            token: 1,
            changes: Vec::new(),
            readers: BTreeSet::new(),
            trashed: BTreeSet::new(),
        }
    }

    /// Stores an object; returns its etag.
    pub(crate) fn put(&mut self, name: &str, data: &str, now: i64) -> String {
        let etag = md5_hex(data);
        let object = Object {
            data: data.to_owned(),
            etag: etag.clone(),
            modified: now,
        };
        self.objects.insert(name.to_owned(), object);
        self.changed(name);
        etag
    }

    /// Deletes an object; `false` if there was none. Calendars have a trash bin.
    pub(crate) fn delete(&mut self, name: &str) -> bool {
        let Some(object) = self.objects.remove(name) else {
            return false;
        };
        if self.kind == Kind::Calendar {
            self.trashed.extend(object.property("UID").map(str::to_owned));
        }
        self.changed(name);
        true
    }

    fn changed(&mut self, name: &str) {
        self.changes.push((self.token, name.to_owned()));
        self.token += 1;
    }

    /// Names of what changed since `token`; a number that was never given has no changes (facts §8).
    pub(super) fn since(&self, token: u64) -> BTreeSet<&str> {
        self.changes
            .iter()
            .filter(|(number, _)| *number >= token)
            .map(|(_, name)| name.as_str())
            .collect()
    }

    /// What readers see after the address and the name.
    fn suffix(&self, reader: &str) -> Option<&str> {
        (self.owner != reader).then_some(self.owner.as_str())
    }

    /// Last segment of its address in a reader's home.
    pub(super) fn uri_for(&self, reader: &str) -> String {
        match self.suffix(reader) {
            Some(owner) => format!("{}_shared_by_{owner}", self.uri),
            None => self.uri.clone(),
        }
    }

    pub(super) fn name_for(&self, reader: &str, state: &State) -> String {
        match self.suffix(reader) {
            Some(owner) => format!("{} ({})", self.name, state.display_name(owner)),
            None => self.name.clone(),
        }
    }

    fn is_seen_by(&self, reader: &str) -> bool {
        self.owner == reader || self.readers.contains(reader)
    }

    /// What `reader` sees of an object: nothing of a private one of somebody else, a busy time of a confidential one,
    /// under the same etag.
    pub(super) fn shown(&self, name: &str, reader: &str) -> Option<Object> {
        let object = self.objects.get(name)?;
        let class = object.property("CLASS").unwrap_or("PUBLIC").to_uppercase();
        let foreign = self.owner != reader && self.kind == Kind::Calendar;
        match class.as_str() {
            "PUBLIC" => Some(object.clone()),
            _ if !foreign => Some(object.clone()),
            "CONFIDENTIAL" => Some(Object {
                data: busy(object),
                ..object.clone()
            }),
            _ => None,
        }
    }
}

/// The event as others see a confidential one.
fn busy(object: &Object) -> String {
    const KEPT: [&str; 12] = [
        "BEGIN",
        "END",
        "VERSION",
        "PRODID",
        "CREATED",
        "DTSTART",
        "RRULE",
        "RECURRENCE-ID",
        "DURATION",
        "DTEND",
        "CLASS",
        "UID",
    ];
    let kept = object.data.lines().filter_map(|line| {
        let name = line.split([':', ';']).next()?.to_uppercase();
        if name == "SUMMARY" {
            return Some("SUMMARY:Busy\r\n".to_owned());
        }
        KEPT.contains(&name.as_str())
            .then(|| format!("{}\r\n", line.trim_end()))
    });
    kept.collect()
}

/// All of them, whoever owns them.
#[derive(Debug, Default)]
pub(crate) struct GroupwareState {
    pub(crate) collections: Vec<Collection>,
}

impl GroupwareState {
    /// What a new account gets.
    pub(crate) fn add_defaults(&mut self, uid: &str) {
        self.collections
            .push(Collection::new(Kind::Calendar, uid, "personal", "Personal"));
        self.collections
            .push(Collection::new(Kind::AddressBook, uid, "contacts", "Contacts"));
    }

    /// What a reader sees in the own home.
    pub(super) fn seen<'s>(&'s self, kind: Kind, reader: &'s str) -> impl Iterator<Item = &'s Collection> {
        self.collections
            .iter()
            .filter(move |collection| collection.kind == kind && collection.is_seen_by(reader))
    }

    /// The collection under an address in a reader's home.
    pub(super) fn find(&self, kind: Kind, reader: &str, uri: &str) -> Option<&Collection> {
        self.collections.iter().find(|collection| {
            collection.kind == kind && collection.is_seen_by(reader) && collection.uri_for(reader) == uri
        })
    }

    /// The same, to be changed.
    pub(super) fn find_mut(&mut self, kind: Kind, reader: &str, uri: &str) -> Option<&mut Collection> {
        self.collections.iter_mut().find(|collection| {
            collection.kind == kind && collection.is_seen_by(reader) && collection.uri_for(reader) == uri
        })
    }

    /// The owner's own collection.
    pub(crate) fn own(&mut self, kind: Kind, owner: &str, uri: &str) -> Option<&mut Collection> {
        self.collections
            .iter_mut()
            .find(|collection| collection.kind == kind && collection.owner == owner && collection.uri == uri)
    }
}

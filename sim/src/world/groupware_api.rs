//! [`World`]: calendars and address books.

use super::World;
use crate::dav::{Collection, Kind};

/// A calendar or address book, changed directly by a test.
#[derive(Debug, Clone, Copy)]
pub struct CollectionHandle<'w> {
    world: &'w World,
    kind: Kind,
    owner: &'w str,
    uri: &'w str,
}

impl World {
    /// The calendar of `owner` at `…/calendars/<owner>/<uri>/`, made if it is not there. Every account has `personal`.
    pub fn calendar<'w>(&'w self, owner: &'w str, uri: &'w str) -> CollectionHandle<'w> {
        self.collection(Kind::Calendar, owner, uri)
    }

    /// The address book of `owner` at `…/addressbooks/users/<owner>/<uri>/`, made if it is not there. Every account has
    /// `contacts`.
    pub fn address_book<'w>(&'w self, owner: &'w str, uri: &'w str) -> CollectionHandle<'w> {
        self.collection(Kind::AddressBook, owner, uri)
    }

    fn collection<'w>(&'w self, kind: Kind, owner: &'w str, uri: &'w str) -> CollectionHandle<'w> {
        let mut state = self.write();
        assert!(state.users.contains_key(owner), "no user {owner}");
        if state.groupware.own(kind, owner, uri).is_none() {
            state
                .groupware
                .collections
                .push(Collection::new(kind, owner, uri, uri));
        }
        CollectionHandle {
            world: self,
            kind,
            owner,
            uri,
        }
    }
}

impl CollectionHandle<'_> {
    /// Stores an iCalendar object or vCard under a name such as `e1.ics`.
    pub fn put(&self, name: &str, data: &str) -> &Self {
        let now = self.world.now();
        self.change(|collection| {
            collection.put(name, data, now);
        })
    }

    /// Stores an event of an hour, with more lines such as `CLASS:PRIVATE`.
    pub fn put_event(&self, name: &str, summary: &str, lines: &[&str]) -> &Self {
        let uid = name.trim_end_matches(".ics");
        let more = more(lines);
        self.put(
            name,
            &format!(
                "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y\r\nBEGIN:VEVENT\r\nUID:{uid}\r\n\
                 DTSTAMP:20260101T000000Z\r\nDTSTART:20260102T100000Z\r\nDTEND:20260102T110000Z\r\n\
                 SUMMARY:{summary}\r\n{more}END:VEVENT\r\nEND:VCALENDAR\r\n"
            ),
        )
    }

    /// Stores a contact, with more lines such as `EMAIL:x@example.test`.
    pub fn put_contact(&self, name: &str, full_name: &str, lines: &[&str]) -> &Self {
        let uid = name.trim_end_matches(".vcf");
        let more = more(lines);
        self.put(
            name,
            &format!("BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{uid}\r\nFN:{full_name}\r\n{more}END:VCARD\r\n"),
        )
    }

    /// Deletes an object.
    ///
    /// # Panics
    /// If there is none of that name.
    pub fn delete(&self, name: &str) -> &Self {
        self.change(|collection| assert!(collection.delete(name), "no object {name}"))
    }

    /// Changes the name that people see.
    pub fn rename(&self, name: &str) -> &Self {
        self.change(|collection| name.clone_into(&mut collection.name))
    }

    /// Shows it to another user, as `<uri>_shared_by_<owner>`.
    pub fn share_with(&self, reader: &str) -> &Self {
        self.change(|collection| {
            collection.readers.insert(reader.to_owned());
        })
    }

    /// Ends that.
    pub fn unshare(&self, reader: &str) -> &Self {
        self.change(|collection| {
            collection.readers.remove(reader);
        })
    }

    /// As after a backup was restored: an object is gone, no change is known, and the sync token counts from `token`.
    pub fn restore_without(&self, name: &str, token: u64) -> &Self {
        self.change(|collection| {
            collection.objects.remove(name);
            collection.changes.clear();
            collection.token = token;
        })
    }

    /// The number in the sync token.
    pub fn sync_token(&self) -> u64 {
        let mut token = 0;
        self.change(|collection| token = collection.token);
        token
    }

    fn change(&self, change: impl FnOnce(&mut Collection)) -> &Self {
        let mut state = self.world.write();
        match state.groupware.own(self.kind, self.owner, self.uri) {
            Some(collection) => change(collection),
            None => panic!("no collection {} of {}", self.uri, self.owner),
        }
        drop(state);
        self
    }
}

/// Lines with their ends.
fn more(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\r\n"]).collect()
}

//! `CalDAV` and `CardDAV` (facts §8): the calendars and address books of a user, what is in them, what changed.
//!
//! Both are the same protocol with other names: a home with collections, `sync-collection` (RFC 6578) for changes,
//! `multiget` for contents (RFC 4791, RFC 6352).

mod classification;
mod home;
mod key;
pub(in crate::nextcloud) mod multistatus;
mod objects;

pub use classification::{calendar, is_public};
pub use key::{CollectionKey, ObjectKey, by_key};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CollectionKind {
    /// `CalDAV`: events and tasks.
    Calendar,
    /// `CardDAV`: contacts.
    AddressBook,
}

/// A calendar or address book in a user's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Last segment of its address, decoded. That of a shared one names its owner.
    pub uri: String,
    /// Name for people; that of a shared one names its owner too.
    pub name: String,
    /// `oc:owner-principal`, such as `principals/users/alice`; absent for what an app generates.
    pub owner: Option<String>,
    /// `cs:getctag`.
    pub ctag: Option<String>,
    /// `d:sync-token`; absent for what an app generates, which can only be listed.
    pub sync_token: Option<String>,
}

/// What a `sync-collection` report tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CollectionChanges {
    /// Names of new and changed objects.
    pub changed: Vec<String>,
    /// Names of deleted objects.
    pub gone: Vec<String>,
    /// The token from which to ask next.
    pub token: Option<String>,
    /// The answer was cut at a limit of Nextcloud's (507, RFC 6578 §3.6).
    pub truncated: bool,
}

/// An event, task or contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionObject {
    /// Last segment of its address, decoded, such as `e1.ics`; the same for everybody who sees it.
    pub name: String,
    /// `ETag` without quotes; the same for everybody who sees it, even where Nextcloud shows them another content.
    pub etag: String,
    /// iCalendar or vCard; `None` when it was not asked for.
    pub data: Option<String>,
}

/// Which objects of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Objects<'a> {
    /// All of them, with content.
    All,
    /// Those of these names that are there (others are left out of the answer), with content.
    Named(&'a [String]),
    /// As `Named`, without content.
    Present(&'a [String]),
}

//! Accounts and their app passwords.

use std::collections::{BTreeMap, BTreeSet};

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) uid: String,
    /// What Basic authentication names; may differ from the uid.
    pub(crate) login_name: String,
    pub(crate) display_name: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) groups: Vec<String>,
    pub(crate) enabled: bool,
    /// The node of the home folder.
    pub(crate) root: i64,
    /// Shares received: path in this user's tree → share id.
    pub(crate) mounts: BTreeMap<String, i64>,
    /// File ids marked as favourite.
    pub(crate) favorites: BTreeSet<i64>,
    /// The Notes app's folder, without slashes at its ends.
    pub(crate) notes_path: String,
    /// The suffix of new notes.
    pub(crate) notes_suffix: String,
    pub(crate) created: i64,
}

/// One app password.
#[derive(Clone, Debug)]
pub(crate) struct AppPassword {
    pub(crate) uid: String,
    /// It works with this login name only.
    pub(crate) login_name: String,
    pub(crate) token: String,
    /// What the user's list of devices shows.
    pub(crate) name: String,
    /// After a rotation the old one works a little longer (epoch seconds).
    pub(crate) expires: Option<i64>,
}

//! [`World`]: accounts, app passwords and shares.

use super::state::md5_hex;
use super::{AppPassword, Share, SharePermissions, State, User, World, join};

impl World {
    /// Adds an account with an empty home folder; its e-mail address is `<uid>@example.test`.
    pub fn add_user(&self, uid: &str, login_name: &str, password: &str, groups: &[&str]) {
        let mut state = self.write();
        let root = state.insert_root(uid);
        let mut letters = uid.chars();
        let display_name = letters
            .next()
            .map(|first| first.to_uppercase().collect::<String>() + letters.as_str())
            .unwrap_or_default();
        let created = state.now();
        state.groupware.add_defaults(uid);
        state.users.insert(
            uid.to_owned(),
            User {
                uid: uid.to_owned(),
                login_name: login_name.to_owned(),
                display_name,
                email: format!("{uid}@example.test"),
                password: password.to_owned(),
                groups: groups.iter().map(|group| (*group).to_owned()).collect(),
                enabled: true,
                root,
                mounts: std::collections::BTreeMap::new(),
                favorites: std::collections::BTreeSet::new(),
                notes_path: "Notes".to_owned(),
                notes_suffix: ".md".to_owned(),
                created,
            },
        );
    }

    /// Changes the account password; app passwords stay valid (facts §2).
    pub fn set_password(&self, uid: &str, password: &str) {
        self.edit_user(uid, |user| password.clone_into(&mut user.password));
    }

    /// Disables an account: DAV answers 503, OCS and Notes 401 (facts §0 row 9).
    pub fn disable_user(&self, uid: &str) {
        self.edit_user(uid, |user| user.enabled = false);
    }

    /// Enables an account again.
    pub fn enable_user(&self, uid: &str) {
        self.edit_user(uid, |user| user.enabled = true);
    }

    /// Removes an account with its files, shares and app passwords.
    pub fn delete_user(&self, uid: &str) {
        let mut state = self.write();
        let Some(user) = state.users.get(uid) else {
            return;
        };
        let root = user.root;
        let involved: Vec<i64> = state
            .shares
            .values()
            .filter(|share| share.recipient == uid || share.sharer == uid)
            .map(|share| share.id)
            .collect();
        for share in involved {
            state.remove_share(share);
        }
        state.remove(root);
        state.app_passwords.retain(|token| token.uid != uid);
        state.trash.retain(|trashed| trashed.uid != uid);
        state
            .groupware
            .collections
            .retain(|collection| collection.owner != uid);
        // Grants of the `oidc` app stay: refreshing one fails with an HTML page (facts §0 row 9).
        state.users.remove(uid);
    }

    /// A new app password as the settings page makes it: `xxxxx-xxxxx-xxxxx-xxxxx-xxxxx`.
    pub fn app_password(&self, uid: &str) -> String {
        let mut state = self.write();
        let letters = random_letters(&mut state, 25);
        let groups: Vec<&str> = (0..5).map(|group| &letters[group * 5..group * 5 + 5]).collect();
        let token = groups.join("-");
        state.store_app_password(uid, &token, "Settings page");
        token
    }

    /// A new app password as Login Flow v2 makes it: 72 letters and digits.
    pub fn app_password_72(&self, uid: &str) -> String {
        self.write().new_app_password(uid, "Login flow")
    }

    /// The names of a user's app passwords, as the settings page lists them, oldest first.
    pub fn app_password_names(&self, uid: &str) -> Vec<String> {
        let state = self.read();
        let own = state.app_passwords.iter().filter(|known| known.uid == uid);
        own.map(|known| known.name.clone()).collect()
    }

    /// Withdraws an app password.
    pub fn revoke_app_password(&self, token: &str) {
        self.write().app_passwords.retain(|known| known.token != token);
    }

    /// Shares a path of `owner`'s tree with `recipient`, who finds it in the root of the own tree.
    /// Returns the share's id.
    ///
    /// # Panics
    /// If the path or the recipient does not exist.
    pub fn share(&self, owner: &str, path: &str, recipient: &str, permissions: SharePermissions) -> i64 {
        let mut state = self.write();
        let node = state.locate(owner, path).map(|located| located.node.id);
        let (Some(node), true) = (node, state.users.contains_key(recipient)) else {
            panic!("cannot share {path} of {owner} with {recipient}: no such path or user");
        };
        state.add_share(node, owner, recipient, permissions)
    }

    /// Ends a share.
    pub fn unshare(&self, id: i64) {
        self.write().remove_share(id);
    }

    /// Sets the folder of a user's Notes app, e.g. `Documents/Notes`.
    pub fn notes_path(&self, uid: &str, path: &str) {
        self.edit_user(uid, |user| {
            path.trim_matches('/').clone_into(&mut user.notes_path);
        });
    }

    fn edit_user(&self, uid: &str, change: impl FnOnce(&mut User)) {
        match self.write().users.get_mut(uid) {
            Some(user) => change(user),
            None => panic!("no user {uid}"),
        }
    }
}

impl State {
    /// Creates and stores a 72-character app password of a user.
    pub(crate) fn new_app_password(&mut self, uid: &str, name: &str) -> String {
        let token = random_letters(self, 72);
        self.store_app_password(uid, &token, name);
        token
    }

    fn store_app_password(&mut self, uid: &str, token: &str, name: &str) {
        let login_name = self
            .user(uid)
            .map_or_else(|| uid.to_owned(), |user| user.login_name.clone());
        self.app_passwords.push(AppPassword {
            uid: uid.to_owned(),
            login_name,
            token: token.to_owned(),
            name: name.to_owned(),
            expires: None,
        });
    }

    /// Mounts a node into the recipient's root under a free name.
    pub(crate) fn add_share(
        &mut self,
        node: i64,
        sharer: &str,
        recipient: &str,
        permissions: SharePermissions,
    ) -> i64 {
        let name = self.node(node).map(|node| node.name.clone()).unwrap_or_default();
        let mut target = join("/", &name);
        let mut number = 2;
        while self.locate(recipient, &target).is_some() {
            target = join("/", &numbered(&name, number));
            number += 1;
        }
        let id = self.next_share_id();
        let created = self.now();
        self.shares.insert(
            id,
            Share {
                id,
                node,
                sharer: sharer.to_owned(),
                recipient: recipient.to_owned(),
                permissions,
                created,
            },
        );
        if let Some(user) = self.users.get_mut(recipient) {
            user.mounts.insert(target, id);
        }
        id
    }

    /// Removes a share and its mount; `false` if there was none.
    pub(crate) fn remove_share(&mut self, id: i64) -> bool {
        let Some(share) = self.shares.remove(&id) else {
            return false;
        };
        if let Some(user) = self.users.get_mut(&share.recipient) {
            user.mounts.retain(|_, mounted| *mounted != id);
        }
        true
    }

    /// Where a recipient has mounted a share.
    pub(crate) fn share_target(&self, share: &Share) -> Option<&str> {
        self.user(&share.recipient)?
            .mounts
            .iter()
            .find(|(_, id)| **id == share.id)
            .map(|(target, _)| target.as_str())
    }
}

/// `plan.md`, 2 → `plan (2).md`.
pub(crate) fn numbered(name: &str, number: u32) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    format!("{stem} ({number}){extension}")
}

/// Letters and digits that look random and are the same in every run.
fn random_letters(state: &mut State, count: usize) -> String {
    let mut text = String::new();
    while text.len() < count {
        let number = state.tick();
        text.push_str(&md5_hex(&format!("app password {number}")));
    }
    text.truncate(count);
    text
}

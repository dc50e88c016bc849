//! Scopes: what a caller's token or a user's grant allows here.
//!
//! A scope is `app.action`. The older spelling `app:action` means the same, in tokens and requests alike. Nextcloud
//! itself enforces no OAuth scope (facts §0 row 15): what is not enforced here is enforced nowhere.

use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

/// One scope in the form this server compares: a known `app:action` is written `app.action`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Scope(Cow<'static, str>);

/// A text that is no scope (RFC 6749 §3.3: printable ASCII without space, `"` and `\`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a scope")]
pub struct ScopeError;

/// Characters of the longest scope that is read.
const MAX_CHARACTERS: usize = 128;

impl Scope {
    /// Read notes.
    pub const NOTES_READ: Self = Self::known("notes.read");
    /// Create, change and delete notes.
    pub const NOTES_WRITE: Self = Self::known("notes.write");
    /// List, find and read files.
    pub const FILES_READ: Self = Self::known("files.read");
    /// Write, move, copy and delete files.
    pub const FILES_WRITE: Self = Self::known("files.write");
    /// Search the index, see its progress.
    pub const SEMANTIC_READ: Self = Self::known("semantic.read");
    /// Be known by subject (OIDC Core §3.1.2.1); the provisioning tools ask for no more.
    pub const OPENID: Self = Self::known("openid");
    /// Name of the user (OIDC Core §5.4).
    pub const PROFILE: Self = Self::known("profile");
    /// Mail address of the user (OIDC Core §5.4).
    pub const EMAIL: Self = Self::known("email");
    /// A refresh token (OIDC Core §11).
    pub const OFFLINE_ACCESS: Self = Self::known("offline_access");

    /// Every scope that this server uses, sorted by name.
    pub const ALL: [Self; 9] = [
        Self::EMAIL,
        Self::FILES_READ,
        Self::FILES_WRITE,
        Self::NOTES_READ,
        Self::NOTES_WRITE,
        Self::OFFLINE_ACCESS,
        Self::OPENID,
        Self::PROFILE,
        Self::SEMANTIC_READ,
    ];

    const fn known(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Reads a scope. A name unknown here stays as it is: a provider may have others.
    ///
    /// ```
    /// use nextcloud_mcp_server::auth::scopes::Scope;
    ///
    /// assert_eq!(Scope::parse("notes:read"), Ok(Scope::NOTES_READ));
    /// assert_eq!(Scope::parse("notes.read"), Ok(Scope::NOTES_READ));
    /// ```
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        let is_scope = (1..=MAX_CHARACTERS).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
        if !is_scope {
            return Err(ScopeError);
        }
        let dotted = text.replacen(':', ".", 1);
        Ok(Self::ALL
            .into_iter()
            .find(|known| known.name() == dotted)
            .unwrap_or_else(|| Self(Cow::Owned(text.to_owned()))))
    }

    /// Whether this server uses it.
    pub fn is_known(&self) -> bool {
        Self::ALL.contains(self)
    }

    /// The name, `app.action`.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The scopes of a token or a grant. An empty set allows nothing; "no restriction was named" is an `Option` around it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeSet(BTreeSet<Scope>);

impl ScopeSet {
    /// Reads a `scope` claim or parameter: names separated by spaces (RFC 6749 §3.3). What is no scope allows nothing
    /// and is left out.
    pub fn parse(text: &str) -> Self {
        text.split_ascii_whitespace().collect()
    }

    /// Every scope that this server uses.
    pub fn all() -> Self {
        Self(Scope::ALL.into())
    }

    /// Whether `required` is among them.
    pub fn satisfies(&self, required: &Scope) -> bool {
        self.0.contains(required)
    }

    /// Those that are in both: what a token allows within what its user granted.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Adds a scope.
    pub fn insert(&mut self, scope: Scope) {
        self.0.insert(scope);
    }

    /// The scopes, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }

    /// The names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.iter().map(Scope::to_string).collect()
    }

    /// Whether it allows nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Joined by spaces, as a `scope` parameter is written.
impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, scope) in self.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            scope.fmt(f)?;
        }
        Ok(())
    }
}

impl<T: AsRef<str>> FromIterator<T> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = T>>(names: I) -> Self {
        names
            .into_iter()
            .filter_map(|name| Scope::parse(name.as_ref()).ok())
            .collect::<BTreeSet<_>>()
            .into()
    }
}

impl From<BTreeSet<Scope>> for ScopeSet {
    fn from(scopes: BTreeSet<Scope>) -> Self {
        Self(scopes)
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_of_a_known_scope_are_one_scope() {
        let token = ScopeSet::parse("openid notes:read  files.write");
        assert!(token.satisfies(&Scope::NOTES_READ) && token.satisfies(&Scope::FILES_WRITE));
        assert!(!token.satisfies(&Scope::NOTES_WRITE));
        assert_eq!(token.to_string(), "files.write notes.read openid");
    }

    #[test]
    fn unknown_scopes_stay_as_they_are_and_allow_nothing_here() {
        let scope = Scope::parse("urn:example:api").unwrap();
        assert_eq!((scope.name(), scope.is_known()), ("urn:example:api", false));
        // Case counts (RFC 6749 §3.3), and a longer name is another one.
        let near = ScopeSet::parse("Notes.read notes.readall notes:read:x NOTES:READ");
        assert!(!near.satisfies(&Scope::NOTES_READ));
    }

    #[test]
    fn texts_that_are_no_scopes_are_refused() {
        for wrong in ["", " ", "a b", "a\"b", "a\\b", "ä", "a\n", &"a".repeat(129)] {
            assert_eq!(Scope::parse(wrong), Err(ScopeError), "{wrong:?}");
        }
        assert!(["", "ä"].into_iter().collect::<ScopeSet>().is_empty());
    }

    #[test]
    fn the_list_is_sorted_and_without_doubles() {
        let names = Scope::ALL.map(|scope| scope.to_string());
        assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
    }

    #[test]
    fn an_intersection_allows_what_both_allow() {
        let token = ScopeSet::parse("notes.read files.read");
        let granted = ScopeSet::parse("notes:read notes:write");
        assert_eq!(token.intersection(&granted).names(), ["notes.read"]);
    }
}

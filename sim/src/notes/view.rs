//! Notes as the API describes them.

use serde_json::{Map, Value, json};

use crate::world::{Located, State, md5_hex, parent_and_name};

/// File name suffixes that the Notes app takes for notes.
const SUFFIXES: [&str; 4] = [".md", ".txt", ".org", ".markdown"];

/// One note of one user.
pub(super) struct Note<'s> {
    state: &'s State,
    uid: &'s str,
    pub(super) path: String,
    pub(super) located: Located<'s>,
    /// The notes folder, `/Notes`.
    base: String,
}

/// The user's notes folder as a path.
pub(super) fn base_path(state: &State, uid: &str) -> String {
    let folder = state.user(uid).map(|user| user.notes_path.clone());
    format!("/{}", folder.unwrap_or_default())
}

/// All notes of a user, by last change and id.
pub(super) fn all<'s>(state: &'s State, uid: &'s str) -> Vec<Note<'s>> {
    let base = base_path(state, uid);
    let mut notes = Vec::new();
    state.walk(uid, &base, None, &mut |path, located| {
        if is_note(path, located) {
            notes.push(Note {
                state,
                uid,
                path: path.to_owned(),
                located,
                base: base.clone(),
            });
        }
    });
    notes.sort_by_key(|note| (note.located.node.changed, note.located.node.id));
    notes
}

/// The note with this id, if this user has it in the notes folder.
pub(super) fn find<'s>(state: &'s State, uid: &'s str, id: i64) -> Option<Note<'s>> {
    let base = base_path(state, uid);
    let inside = format!("{}/", base.trim_end_matches('/'));
    let path = state
        .paths_of(uid, id)
        .into_iter()
        .find(|path| path.starts_with(&inside))?;
    let located = state.locate(uid, &path)?;
    is_note(&path, located).then_some(Note {
        state,
        uid,
        path,
        located,
        base,
    })
}

fn is_note(path: &str, located: Located<'_>) -> bool {
    !located.node.is_folder() && SUFFIXES.iter().any(|suffix| path.ends_with(suffix))
}

impl Note<'_> {
    pub(super) fn id(&self) -> i64 {
        self.located.node.id
    }

    /// The folder that holds it.
    pub(super) fn folder(&self) -> &str {
        parent_and_name(&self.path).map_or("/", |(folder, _)| folder)
    }

    pub(super) fn title(&self) -> &str {
        let name = parent_and_name(&self.path).map_or("", |(_, name)| name);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }

    /// The folders between the notes folder and the note.
    pub(super) fn category(&self) -> &str {
        let folder = self.folder();
        folder[self.base.len().min(folder.len())..].trim_start_matches('/')
    }

    fn content(&self) -> String {
        let bytes = self.located.node.bytes();
        bytes.map_or_else(String::new, |bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    fn favorite(&self) -> bool {
        self.state
            .user(self.uid)
            .is_some_and(|user| user.favorites.contains(&self.id()))
    }

    /// A hash of everything that the API tells, so it differs from the file's etag in `WebDAV`.
    pub(super) fn etag(&self) -> String {
        md5_hex(&format!(
            "{}\n{}\n{}\n{}\n{}",
            self.located.node.etag,
            self.path,
            self.favorite(),
            self.located.node.modified,
            self.id(),
        ))
    }

    /// The JSON object, without the `excluded` fields.
    pub(super) fn describe(&self, excluded: &[String]) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| {
            if name == "id" || !excluded.iter().any(|field| field == name) {
                fields.insert(name.to_owned(), value);
            }
        };
        let shared_out = self
            .state
            .shares
            .values()
            .any(|share| share.node == self.id() && share.sharer == self.uid);
        put("id", json!(self.id()));
        put("title", json!(self.title()));
        put("modified", json!(self.located.node.modified));
        put("category", json!(self.category()));
        put("favorite", json!(self.favorite()));
        put("readonly", json!(!self.located.can_update()));
        put("internalPath", json!(self.path));
        put("shareTypes", if shared_out { json!([0]) } else { json!([]) });
        put("isShared", json!(self.located.via.is_some()));
        put("error", json!(false));
        put("errorType", json!(""));
        put("content", json!(self.content()));
        put("etag", json!(self.etag()));
        Value::Object(fields)
    }
}

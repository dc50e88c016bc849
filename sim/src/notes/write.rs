//! Creating, changing and deleting notes, and the app's settings.

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use super::view::{self, base_path};
use super::{not_found, settings as describe_settings};
use crate::http::{Incoming, Reply, etag_listed};
use crate::webhooks::{self, NodeRef};
use crate::world::{Content, State, join, mime_of, parent_and_name};

/// The longest title in characters; the rest is cut off.
const LONGEST_TITLE: usize = 100;

/// What a new note is made of.
pub(crate) struct NewNote {
    pub(crate) title: String,
    pub(crate) category: String,
    pub(crate) content: String,
    pub(crate) favorite: bool,
    pub(crate) modified: Option<i64>,
}

/// Creates the note's file; its id, or `None` if the category is no folder.
pub(crate) fn create_note(state: &mut State, uid: &str, note: &NewNote) -> Option<i64> {
    let folder = category_path(state, uid, &note.category);
    let parent = state.make_folders(uid, &folder)?;
    let suffix = state.user(uid)?.notes_suffix.clone();
    let name = free_name(state, uid, &folder, &note.title, &suffix);
    let content = Content::File {
        bytes: Bytes::from(note.content.clone()),
        mime: mime_of(&name).to_owned(),
    };
    let id = state.insert(parent, &name, content, note.modified)?;
    webhooks::created(state, uid, &NodeRef::of(uid, &join(&folder, &name), id));
    set_favorite(state, uid, id, note.favorite);
    Some(id)
}

pub(super) fn create(state: &mut State, request: &Incoming, uid: &str) -> Reply {
    let params = request.params();
    let note = NewNote {
        title: text(&params, "title").unwrap_or_default(),
        category: text(&params, "category").unwrap_or_default(),
        content: text(&params, "content").unwrap_or_default(),
        favorite: params.get("favorite") == Some(&Value::Bool(true)),
        modified: number(&params, "modified"),
    };
    match create_note(state, uid, &note) {
        Some(id) => describe(state, uid, id, 200),
        None => Reply::json(400, &json!([])),
    }
}

pub(super) fn update(state: &mut State, request: &Incoming, uid: &str, id: i64) -> Reply {
    let Some(note) = view::find(state, uid, id) else {
        return not_found();
    };
    if let Some(header) = request.header("if-match")
        && !etag_listed(header, &note.etag())
    {
        return describe(state, uid, id, 412);
    }
    if !note.located.can_update() {
        return Reply::json(403, &json!({"errorType": "NoteNotWritable"}));
    }
    let (old_path, old_title, old_category) = (
        note.path.clone(),
        note.title().to_owned(),
        note.category().to_owned(),
    );
    let params = request.params();
    let modified = number(&params, "modified");
    if let Some(content) = text(&params, "content") {
        state.overwrite(id, Bytes::from(content), modified);
        webhooks::written(state, uid, &NodeRef::of(uid, &old_path, id));
    } else if modified.is_some() {
        state.touch(id, modified);
    }
    let title = text(&params, "title").unwrap_or_else(|| old_title.clone());
    let category = text(&params, "category").unwrap_or_else(|| old_category.clone());
    if title != old_title || category != old_category {
        rename(state, uid, &old_path, &title, &category);
    }
    if let Some(Value::Bool(favorite)) = params.get("favorite") {
        set_favorite(state, uid, id, *favorite);
    }
    describe(state, uid, id, 200)
}

pub(super) fn delete(state: &mut State, uid: &str, id: i64) -> Reply {
    let Some(note) = view::find(state, uid, id) else {
        return not_found();
    };
    if !note.located.can_delete() {
        return Reply::json(403, &json!({"errorType": "NoteNotWritable"}));
    }
    let path = note.path.clone();
    state.delete(uid, &path);
    remove_empty_category(state, uid, &path);
    Reply::json(200, &json!([]))
}

pub(super) fn settings(state: &mut State, request: &Incoming, uid: &str) -> Reply {
    let params = request.params();
    if let Some(user) = state.users.get_mut(uid) {
        if let Some(path) = text(&params, "notesPath") {
            path.trim_matches('/').clone_into(&mut user.notes_path);
        }
        if let Some(suffix) = text(&params, "fileSuffix") {
            user.notes_suffix = suffix;
        }
    }
    describe_settings(state, uid)
}

/// A changed favourite is a change of the note, but not of its file.
pub(crate) fn set_favorite(state: &mut State, uid: &str, id: i64, favorite: bool) {
    let now = state.now();
    let Some(user) = state.users.get_mut(uid) else {
        return;
    };
    let changed = if favorite {
        user.favorites.insert(id)
    } else {
        user.favorites.remove(&id)
    };
    if changed && let Some(node) = state.nodes.get_mut(&id) {
        node.changed = now;
    }
}

fn describe(state: &State, uid: &str, id: i64, status: u16) -> Reply {
    match view::find(state, uid, id) {
        Some(note) => Reply::json(status, &note.describe(&[])),
        None => not_found(),
    }
}

fn rename(state: &mut State, uid: &str, old_path: &str, title: &str, category: &str) {
    let suffix = old_path
        .rsplit_once('.')
        .map_or_else(String::new, |(_, suffix)| format!(".{suffix}"));
    let folder = category_path(state, uid, category);
    if state.make_folders(uid, &folder).is_some() {
        let name = free_name(state, uid, &folder, title, &suffix);
        state.rename(uid, old_path, &join(&folder, &name));
        remove_empty_category(state, uid, old_path);
    }
}

/// Notes removes a category's folder with its last note.
fn remove_empty_category(state: &mut State, uid: &str, note_path: &str) {
    let base = base_path(state, uid);
    let mut folder = parent_and_name(note_path).map_or("/", |(folder, _)| folder);
    while folder.len() > base.len() {
        let empty = state
            .locate(uid, folder)
            .is_some_and(|found| state.list(uid, folder, found).is_empty());
        if !empty {
            return;
        }
        state.delete(uid, folder);
        folder = parent_and_name(folder).map_or("/", |(parent, _)| parent);
    }
}

fn category_path(state: &State, uid: &str, category: &str) -> String {
    let base = base_path(state, uid);
    category
        .split('/')
        .map(sanitize)
        .filter(|part| !part.is_empty())
        .fold(base, |path, part| join(&path, &part))
}

/// A file name for a title that is not taken yet in the folder.
fn free_name(state: &State, uid: &str, folder: &str, title: &str, suffix: &str) -> String {
    let clean = sanitize(title);
    let title = if clean.is_empty() {
        "New note".to_owned()
    } else {
        clean
    };
    let mut name = format!("{title}{suffix}");
    let mut number = 2;
    while state.locate(uid, &join(folder, &name)).is_some() {
        name = format!("{title} ({number}){suffix}");
        number += 1;
    }
    name
}

/// Without characters that file names may not hold, cut to [`LONGEST_TITLE`].
fn sanitize(title: &str) -> String {
    let allowed: String = title
        .chars()
        .filter(|c| !c.is_control() && !"/\\:*?\"<>|".contains(*c))
        .collect();
    let cut: String = allowed
        .trim()
        .trim_start_matches('.')
        .chars()
        .take(LONGEST_TITLE)
        .collect();
    cut.trim().to_owned()
}

fn text(params: &Map<String, Value>, name: &str) -> Option<String> {
    params.get(name)?.as_str().map(str::to_owned)
}

fn number(params: &Map<String, Value>, name: &str) -> Option<i64> {
    let value = params.get(name)?;
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

//! From a verified passage to what its reader is shown.

use super::SearchHit;
use super::families::{self, Family};
use super::highlight::{Marks, snippet};
use super::hydrate::Passage;
use crate::ids::UserId;
use std::sync::Arc;
use url::Url;

/// One result. `context` code points were asked for on each side; `marks` are those of the excerpt.
pub(super) fn hit(
    passage: Passage,
    score: f32,
    context: usize,
    marks: &Marks,
    families: &[Arc<dyn Family>],
    public_url: &Url,
) -> SearchHit {
    let snippet = snippet(&passage.excerpt, position(passage.start_offset), marks);
    let sides = Sides::of(&passage, context);
    SearchHit {
        category: category(&passage),
        url: link(
            families,
            public_url,
            &passage.reader,
            &passage.family,
            &passage.doc_type,
            &passage.native_id,
            &passage.part,
        ),
        board_id: board_id(&passage),
        id: passage.native_id,
        doc_type: passage.doc_type,
        title: passage.title,
        path: passage.path,
        excerpt: passage.excerpt,
        highlights: marks.places.clone(),
        snippet,
        score,
        mime_type: passage.mime_type,
        modified_at: passage.modified_at,
        chunk_index: position(passage.ordinal),
        total_chunks: position(passage.chunk_count),
        page_number: passage.page_number.map(position),
        page_count: passage.page_count.map(position),
        chunk_start_offset: position(passage.start_offset),
        chunk_end_offset: position(passage.end_offset),
        before_context: sides.before,
        after_context: sides.after,
        has_more_before: sides.more_before,
        has_more_after: sides.more_after,
    }
}

/// Link to a document; a family that is gone leads to the start page.
pub(super) fn link(
    families: &[Arc<dyn Family>],
    public_url: &Url,
    reader: &UserId,
    family: &str,
    doc_type: &str,
    native_id: &str,
    part: &str,
) -> String {
    families::named(families, family).map_or_else(
        || public_url.to_string(),
        |family| family.url_in(public_url, reader, doc_type, native_id, part),
    )
}

/// The board of a card.
fn board_id(passage: &Passage) -> Option<i64> {
    let is_card = passage.doc_type == "deck_card";
    is_card.then(|| passage.part.parse().ok()).flatten()
}

/// Counts and offsets are not negative in the database.
pub(super) fn position(value: i32) -> usize {
    usize::try_from(value).unwrap_or_default()
}

struct Sides {
    before: Option<String>,
    after: Option<String>,
    more_before: bool,
    more_after: bool,
}

impl Sides {
    fn of(passage: &Passage, context: usize) -> Self {
        let (after, more_after) = cut_after(&passage.after, context);
        Self {
            more_before: position(passage.start_offset) > context,
            more_after,
            before: (context > 0).then(|| passage.before.clone()),
            after: (context > 0).then_some(after),
        }
    }
}

/// The first `context` code points, and whether there are more.
pub(super) fn cut_after(text: &str, context: usize) -> (String, bool) {
    match text.char_indices().nth(context) {
        Some((end, _)) => (text.get(..end).unwrap_or_default().to_owned(), true),
        None => (text.to_owned(), false),
    }
}

/// The folder of a note below the reader's notes folder.
fn category(passage: &Passage) -> String {
    let Some(notes_path) = passage
        .notes_path
        .as_deref()
        .filter(|_| passage.doc_type == "note")
    else {
        return String::new();
    };
    let notes_path = notes_path.trim_matches('/');
    let below = passage.path.trim_start_matches('/');
    let below = if notes_path.is_empty() {
        below
    } else {
        below
            .strip_prefix(notes_path)
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or_default()
    };
    below
        .rsplit_once('/')
        .map(|(folder, _)| folder.to_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passage(doc_type: &str, path: &str, notes_path: Option<&str>) -> Passage {
        Passage {
            reader: UserId::new("alice"),
            family: "file".into(),
            native_id: "7".into(),
            doc_type: doc_type.into(),
            path: path.into(),
            part: "4".into(),
            title: "t".into(),
            notes_path: notes_path.map(Into::into),
            mime_type: None,
            language: None,
            modified_at: None,
            ordinal: 2,
            chunk_count: 3,
            page_number: Some(2),
            page_count: Some(4),
            start_offset: 5,
            end_offset: 9,
            excerpt: "x".into(),
            before: "ab".into(),
            after: "🦀éc".into(),
        }
    }

    #[test]
    fn the_category_is_the_folder_below_the_notes_folder() {
        for notes_path in ["Notes", "/Notes/"] {
            let in_folder = passage("note", "/Notes/Work/Plans/a.md", Some(notes_path));
            assert_eq!(category(&in_folder), "Work/Plans");
        }
        assert_eq!(category(&passage("note", "/Notes/a.md", Some("Notes"))), "");
        assert_eq!(category(&passage("note", "/NotesOld/x/a.md", Some("Notes"))), "");
        assert_eq!(category(&passage("file", "/Notes/Work/a.pdf", Some("Notes"))), "");
        assert_eq!(category(&passage("note", "/Work/a.md", Some("/"))), "Work");
        assert_eq!(category(&passage("note", "/Notes/Work/a.md", None)), "");
    }

    #[test]
    fn context_is_cut_at_code_points() {
        assert_eq!(cut_after("🦀éc", 2), ("🦀é".to_owned(), true));
        assert_eq!(cut_after("🦀éc", 3), ("🦀éc".to_owned(), false));
        assert_eq!(cut_after("", 0), (String::new(), false));
    }

    #[test]
    fn without_context_only_the_flags_tell_that_there_is_more() {
        let url = Url::parse("https://cloud.example.org/").unwrap();
        let files: [Arc<dyn Family>; 1] = [Arc::new(families::FilesFamily)];
        let shown = |passage, context| hit(passage, 0.5, context, &Marks::default(), &files, &url);
        let none = shown(passage("file", "/a.md", None), 0);
        assert_eq!((none.page_number, none.page_count), (Some(2), Some(4)));
        assert_eq!((none.before_context, none.after_context), (None, None));
        assert!(none.has_more_before && none.has_more_after);

        let all = shown(passage("file", "/a.md", None), 5);
        assert_eq!(all.board_id, None);
        let card = shown(passage("deck_card", "/B/S/C", None), 0);
        assert_eq!(card.board_id, Some(4));
        assert_eq!(all.after_context.as_deref(), Some("🦀éc"));
        assert!(!all.has_more_before && !all.has_more_after);
        assert_eq!(all.url, "https://cloud.example.org/index.php/f/7");
    }
}

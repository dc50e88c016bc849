//! What the Notes app adds to files: the notes folder, and many contents in one request.

use crate::nextcloud::NextcloudError;
use crate::sync::Remote;
use bytes::Bytes;

/// Notes in one page of a bulk fetch.
pub const BULK_PAGE: u32 = 200;

/// Fewer wanted notes than this are fetched one by one.
const BULK_FROM: i64 = 9;

/// A page costs about as much as this many single fetches, so at least one note in so many must be wanted.
const BULK_DENSITY: i64 = 20;

/// Whether fetching all notes page by page is cheaper than fetching the wanted ones.
pub fn bulk_pays(wanted: i64, all: i64) -> bool {
    wanted >= BULK_FROM && wanted.saturating_mul(BULK_DENSITY) >= all
}

/// One page of contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkPage {
    /// Native id and content.
    pub notes: Vec<(String, Bytes)>,
    /// Cursor of the next page; absent on the last.
    pub next: Option<String>,
}

/// Contents of the next [`BULK_PAGE`] notes.
pub async fn bulk_page(remote: &dyn Remote, cursor: Option<&str>) -> Result<BulkPage, NextcloudError> {
    let page = remote.notes_page(BULK_PAGE, cursor).await?;
    let notes = page
        .notes
        .into_iter()
        .map(|note| (note.id.to_string(), Bytes::from(note.content)))
        .collect();
    Ok(BulkPage {
        notes,
        next: page.next,
    })
}

/// The folder below which files with a note's suffix are notes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotesFolder {
    /// With slashes at both ends; `None` when the Notes app is away.
    prefix: Option<String>,
}

impl NotesFolder {
    /// From the setting, such as `Notes`; `None` when the Notes app is away.
    pub fn new(path: Option<&str>) -> Self {
        let prefix = path.map(|path| match path.trim_matches('/') {
            "" => "/".to_owned(),
            inner => format!("/{inner}/"),
        });
        Self { prefix }
    }

    /// The title when `path` is a note: the file name without its suffix.
    pub fn title_of<'p>(&self, path: &'p str) -> Option<&'p str> {
        let below = path.strip_prefix(self.prefix.as_deref()?)?;
        let name = below.rsplit('/').next().unwrap_or(below);
        let (title, suffix) = name.rsplit_once('.')?;
        (suffix.eq_ignore_ascii_case("md") || suffix.eq_ignore_ascii_case("txt")).then_some(title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_a_text_file_below_the_notes_folder() {
        let folder = NotesFolder::new(Some("Notes"));
        assert_eq!(folder.title_of("/Notes/Work/Plan.v2.md"), Some("Plan.v2"));
        assert_eq!(folder.title_of("/Notes/list.TXT"), Some("list"));
        assert_eq!(folder.title_of("/Notes/photo.jpg"), None);
        assert_eq!(folder.title_of("/NotesOld/Plan.md"), None);
        assert_eq!(NotesFolder::new(None).title_of("/Notes/Plan.md"), None);
        assert_eq!(NotesFolder::new(Some("/")).title_of("/Plan.md"), Some("Plan"));
    }

    #[test]
    fn the_bulk_fetch_serves_a_first_scan_not_a_single_change() {
        assert!(bulk_pays(1_000, 1_000));
        assert!(bulk_pays(9, 9));
        assert!(!bulk_pays(8, 8), "eight single requests are fine");
        assert!(
            !bulk_pays(50, 10_000),
            "fifty of ten thousand are cheaper one by one"
        );
    }
}

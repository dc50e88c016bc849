//! Tools for the Notes app, one file each.

mod append_content;
mod create_note;
mod delete_note;
mod get_attachment;
mod get_note;
mod model;
mod search_notes;
mod update_note;

pub(super) use model::NoteView;

use super::apps::NextcloudApp;
use super::tool::ToolEntry;

/// The tools in the order of their listing.
pub(super) fn tools() -> Vec<ToolEntry> {
    let tools = [
        create_note::tool(),
        update_note::tool(),
        append_content::tool(),
        search_notes::tool(),
        get_note::tool(),
        get_attachment::tool(),
        delete_note::tool(),
    ];
    tools
        .into_iter()
        .map(|tool| tool.of_app(NextcloudApp::Notes))
        .collect()
}

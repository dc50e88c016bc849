//! Tools for files, one file each.

mod copy_resource;
mod create_directory;
mod delete_resource;
mod find;
mod list_directory;
mod model;
mod move_resource;
mod path;
mod read_file;
mod search_files;
mod transfer;
mod write_file;

use super::tool::ToolEntry;

/// The tools in the order of their listing.
pub(super) fn tools() -> Vec<ToolEntry> {
    vec![
        list_directory::tool(),
        read_file::tool(),
        write_file::tool(),
        create_directory::tool(),
        delete_resource::tool(),
        move_resource::tool(),
        copy_resource::tool(),
        search_files::tool(),
        find::by_name(),
        find::by_type(),
        find::favorites(),
    ]
}

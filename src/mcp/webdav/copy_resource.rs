//! `nc_webdav_copy_resource`.

use super::transfer::{Kind, transfer};
use crate::auth::scopes::Scope;
use crate::mcp::tool::{Effect, ToolEntry};

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_copy_resource",
        "Copy file or folder",
        "Copy a file, or a folder with everything in it.",
        Effect::Changes,
        Scope::FILES_WRITE,
        |context, arguments| transfer(context, arguments, Kind::Copy),
    )
}

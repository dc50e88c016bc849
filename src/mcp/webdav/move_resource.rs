//! `nc_webdav_move_resource`.

use super::transfer::{Kind, transfer};
use crate::auth::scopes::Scope;
use crate::mcp::tool::{Effect, ToolEntry};

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_move_resource",
        "Move file or folder",
        "Move or rename a file or folder.",
        Effect::Changes,
        Scope::FILES_WRITE,
        |context, arguments| transfer(context, arguments, Kind::Move),
    )
}

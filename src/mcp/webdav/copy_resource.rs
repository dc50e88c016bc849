//! `nc_webdav_copy_resource`.

use super::model::{Transfer, Transferred, bare_etag};
use super::path::below_root;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_copy_resource",
        "Copy file or folder",
        "Copy a file, or a folder with everything in it.",
        Effect::Changes,
        run,
    )
}

async fn run(context: ToolContext, arguments: Transfer) -> Result<Transferred, ToolError> {
    let from = below_root("source_path", &arguments.source_path)?;
    let to = below_root("destination_path", &arguments.destination_path)?;
    let target_etag = bare_etag(arguments.if_destination_match.as_ref());
    let replaced = context
        .nextcloud()
        .copy_to(&from, &to, arguments.overwrite, target_etag.as_deref())
        .await
        .about(format!("{from} → {to}"))?;
    Ok(Transferred::new(
        context.answered(),
        from,
        to,
        arguments.overwrite,
        replaced,
    ))
}

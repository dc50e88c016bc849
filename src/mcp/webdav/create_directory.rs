//! `nc_webdav_create_directory`.

use super::model::{PathOnly, PathStatus};
use super::path::below_root;
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_create_directory",
        "Create folder",
        "Create a folder; the folder above it must exist.",
        Effect::ChangesOnce,
        Scope::FILES_WRITE,
        run,
    )
}

async fn run(context: ToolContext, arguments: PathOnly) -> Result<PathStatus, ToolError> {
    let path = below_root("path", &arguments.path)?;
    let created = context
        .nextcloud()
        .await?
        .create_folder(&path)
        .await
        .about(path.as_str())?;
    Ok(if created {
        PathStatus {
            status_code: 201,
            message: None,
        }
    } else {
        PathStatus {
            status_code: 405,
            message: Some("The folder exists already".into()),
        }
    })
}

//! `nc_webdav_delete_resource`.

use super::model::{PathOnly, PathStatus};
use super::path::below_root;
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};
use crate::nextcloud::NextcloudError;

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_delete_resource",
        "Delete file or folder",
        "Delete a file, or a folder with everything in it; it goes to Nextcloud's trash bin. Ask the user before \
         deleting.",
        Effect::Destroys,
        Scope::FILES_WRITE,
        run,
    )
}

async fn run(context: ToolContext, arguments: PathOnly) -> Result<PathStatus, ToolError> {
    let path = below_root("path", &arguments.path)?;
    match context.nextcloud().await?.delete(&path).await {
        // Gone is what was asked for.
        Err(NextcloudError::NotFound(_)) => Ok(PathStatus {
            status_code: 404,
            message: Some(format!("There is nothing at {path}")),
        }),
        answer => answer.about(path.as_str()).map(|()| PathStatus {
            status_code: 204,
            message: None,
        }),
    }
}

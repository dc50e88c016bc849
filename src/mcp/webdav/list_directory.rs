//! `nc_webdav_list_directory`.

use super::model::FileInfo;
use super::path::normalized;
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Answered, Effect, ToolContext, ToolEntry};
use crate::nextcloud::Depth;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Folder from the root of the user's files; empty for the root.
    #[serde(default)]
    path: String,
}

#[derive(Debug, Serialize, JsonSchema)]
struct DirectoryListing {
    #[serde(flatten)]
    answered: Answered,
    path: String,
    files: Vec<FileInfo>,
    total_count: usize,
    directories_count: usize,
    files_count: usize,
    total_size: u64,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_list_directory",
        "List folder",
        "List the files and folders in a folder.",
        Effect::Reads,
        Scope::FILES_READ,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<DirectoryListing, ToolError> {
    let path = normalized("path", &arguments.path)?;
    let entries = context
        .nextcloud()
        .await?
        .propfind(&path, Depth::One)
        .await
        .about(path.as_str())?;
    let mut entries = entries.into_iter();
    if entries.next().is_some_and(|itself| !itself.is_folder) {
        return Err(ToolError::Told(format!(
            "\"{path}\" is a file. Read it with nc_webdav_read_file."
        )));
    }
    let children: Vec<_> = entries.collect();
    let directories_count = children.iter().filter(|entry| entry.is_folder).count();
    Ok(DirectoryListing {
        answered: context.answered(),
        path,
        total_count: children.len(),
        directories_count,
        files_count: children.len() - directories_count,
        total_size: children
            .iter()
            .map(|entry| entry.size)
            .fold(0, u64::saturating_add),
        files: children
            .iter()
            .map(|entry| FileInfo::new(entry, &context.services.links))
            .collect(),
    })
}

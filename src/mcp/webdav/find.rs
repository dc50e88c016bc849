//! `nc_webdav_find_by_name`, `nc_webdav_find_by_type`, `nc_webdav_list_favorites`: one condition each.

use super::search_files::{Search, SearchFiles};
use crate::mcp::error::ToolError;
use crate::mcp::tool::{Effect, ToolContext, ToolEntry};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ByName {
    /// Name, with `%` for anything: `%report%`, `%.md`.
    pattern: String,
    /// Folder to search below; empty for everything.
    #[serde(default)]
    scope: String,
    /// At most this many results; 100 when absent.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ByType {
    /// MIME type, with `%` for anything: `image/%`.
    mime_type: String,
    /// Folder to search below; empty for everything.
    #[serde(default)]
    scope: String,
    /// At most this many results; 100 when absent.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Favorites {
    /// Folder to search below; empty for everything.
    #[serde(default)]
    scope: String,
    /// At most this many results; 100 when absent.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

pub(super) fn by_name() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_find_by_name",
        "Find files by name",
        "Find files and folders by name.",
        Effect::Reads,
        find_by_name,
    )
}

pub(super) fn by_type() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_find_by_type",
        "Find files by type",
        "Find files by MIME type.",
        Effect::Reads,
        find_by_type,
    )
}

pub(super) fn favorites() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_list_favorites",
        "List favourite files",
        "List the files and folders that the user marked as favourites.",
        Effect::Reads,
        list_favorites,
    )
}

async fn find_by_name(context: ToolContext, arguments: ByName) -> Result<SearchFiles, ToolError> {
    let ByName {
        pattern,
        scope,
        limit,
    } = arguments;
    Search {
        scope,
        name: Some(pattern),
        limit,
        ..Search::default()
    }
    .run(&context)
    .await
}

async fn find_by_type(context: ToolContext, arguments: ByType) -> Result<SearchFiles, ToolError> {
    let ByType {
        mime_type,
        scope,
        limit,
    } = arguments;
    Search {
        scope,
        mime_type: Some(mime_type),
        limit,
        ..Search::default()
    }
    .run(&context)
    .await
}

async fn list_favorites(context: ToolContext, arguments: Favorites) -> Result<SearchFiles, ToolError> {
    let Favorites { scope, limit } = arguments;
    Search {
        scope,
        favorites: true,
        limit,
        ..Search::default()
    }
    .run(&context)
    .await
}

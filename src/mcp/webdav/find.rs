//! `nc_webdav_find_by_name`, `nc_webdav_find_by_type`, `nc_webdav_list_favorites`: one condition each.

use super::search_files::{Search, search_tool};
use crate::mcp::tool::ToolEntry;
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

impl From<ByName> for Search {
    fn from(arguments: ByName) -> Self {
        Self {
            scope: arguments.scope,
            name: Some(arguments.pattern),
            limit: arguments.limit,
            ..Self::default()
        }
    }
}

impl From<ByType> for Search {
    fn from(arguments: ByType) -> Self {
        Self {
            scope: arguments.scope,
            mime_type: Some(arguments.mime_type),
            limit: arguments.limit,
            ..Self::default()
        }
    }
}

impl From<Favorites> for Search {
    fn from(arguments: Favorites) -> Self {
        Self {
            scope: arguments.scope,
            favorites: true,
            limit: arguments.limit,
            ..Self::default()
        }
    }
}

pub(super) fn by_name() -> ToolEntry {
    search_tool::<ByName>(
        "nc_webdav_find_by_name",
        "Find files by name",
        "Find files and folders by name.",
    )
}

pub(super) fn by_type() -> ToolEntry {
    search_tool::<ByType>(
        "nc_webdav_find_by_type",
        "Find files by type",
        "Find files by MIME type.",
    )
}

pub(super) fn favorites() -> ToolEntry {
    search_tool::<Favorites>(
        "nc_webdav_list_favorites",
        "List favourite files",
        "List the files and folders that the user marked as favourites.",
    )
}

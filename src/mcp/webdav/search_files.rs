//! `nc_webdav_search_files`, and what the narrower searches share with it.

use super::model::FileInfo;
use super::path::normalized;
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Answered, Effect, ToolContext, ToolEntry};
use crate::nextcloud::FileQuery;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Results when no limit is given.
const DEFAULT_LIMIT: u32 = 100;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Folder to search below; empty for everything.
    #[serde(default)]
    scope: String,
    /// Name, with `%` for anything: `%report%`, `%.md`.
    name_pattern: Option<String>,
    /// MIME type, with `%` for anything: `image/%`.
    mime_type: Option<String>,
    /// Only favourites.
    #[serde(default)]
    only_favorites: bool,
    /// At most this many results; 100 when absent.
    #[schemars(range(min = 1, max = 1000))]
    limit: Option<u32>,
}

/// What was asked for, as it was understood.
#[derive(Debug, Serialize, JsonSchema)]
struct Filters {
    #[serde(skip_serializing_if = "Option::is_none")]
    name_pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only_favorites: Option<bool>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SearchFiles {
    #[serde(flatten)]
    answered: Answered,
    results: Vec<FileInfo>,
    total_found: usize,
    scope: String,
    filters_applied: Option<Filters>,
}

/// A search as every tool of this family asks it.
#[derive(Debug, Default)]
pub(super) struct Search {
    pub(super) scope: String,
    pub(super) name: Option<String>,
    pub(super) mime_type: Option<String>,
    pub(super) favorites: bool,
    pub(super) limit: Option<u32>,
}

pub(super) fn tool() -> ToolEntry {
    search_tool::<Arguments>(
        "nc_webdav_search_files",
        "Search files",
        "Find files by name, type or favourite, in all folders below `scope`. Conditions are joined by AND. \
         For contents use nc_semantic_search where it exists.",
    )
}

/// A tool of this family: its arguments are a [`Search`].
pub(super) fn search_tool<A>(name: &'static str, title: &'static str, description: &'static str) -> ToolEntry
where
    A: Into<Search> + DeserializeOwned + JsonSchema + Send + 'static,
{
    let run = |context: ToolContext, arguments: A| {
        let search: Search = arguments.into();
        async move { search.run(&context).await }
    };
    ToolEntry::new(name, title, description, Effect::Reads, Scope::FILES_READ, run)
}

impl From<Arguments> for Search {
    fn from(arguments: Arguments) -> Self {
        Self {
            scope: arguments.scope,
            name: arguments.name_pattern,
            mime_type: arguments.mime_type,
            favorites: arguments.only_favorites,
            limit: arguments.limit,
        }
    }
}

impl Search {
    async fn run(self, context: &ToolContext) -> Result<SearchFiles, ToolError> {
        let scope = normalized("scope", &self.scope)?;
        let name_like = self
            .name
            .as_deref()
            .map(|text| pattern("name", text))
            .transpose()?;
        let mime_like = self
            .mime_type
            .as_deref()
            .map(|text| pattern("mime_type", text))
            .transpose()?;
        let query = FileQuery {
            scope: if scope == "/" {
                String::new()
            } else {
                scope.clone()
            },
            name_like: name_like.clone(),
            mime_like: mime_like.clone(),
            favorites_only: self.favorites,
            limit: self.limit.unwrap_or(DEFAULT_LIMIT),
            ..FileQuery::default()
        };
        let entries = context
            .nextcloud()
            .await?
            .search_files(&query)
            .await
            .about(scope.as_str())?;
        let results: Vec<FileInfo> = entries
            .iter()
            .map(|entry| FileInfo::new(entry, &context.services.links))
            .collect();
        Ok(SearchFiles {
            answered: context.answered(),
            total_found: results.len(),
            results,
            scope,
            filters_applied: Some(Filters {
                name_pattern: name_like,
                mime_type: mime_like,
                only_favorites: self.favorites.then_some(true),
            }),
        })
    }
}

/// A `like` pattern; `*` is taken for `%`, as people write it.
fn pattern(argument: &str, text: &str) -> Result<String, ToolError> {
    if text.is_empty() || text.chars().any(char::is_control) || text.chars().count() > 250 {
        return Err(ToolError::Arguments(format!(
            "argument `{argument}` must hold 1 to 250 printable characters"
        )));
    }
    Ok(text.replace('*', "%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_bounded_and_stars_are_wildcards() {
        assert_eq!(pattern("name", "*.md").unwrap(), "%.md");
        assert!(pattern("name", "").is_err());
        assert!(pattern("name", &"x".repeat(251)).is_err());
        assert!(pattern("name", "a\nb").is_err());
    }
}

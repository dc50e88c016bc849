//! What a caller may use: the scopes of its token, and the apps that its user has.

use super::McpServer;
use super::apps::{AppSet, NextcloudApp};
use super::resources;
use super::tool::ToolEntry;
use crate::auth::Caller;
use crate::auth::scopes::{Scope, ScopeSet};
use rmcp::model::ErrorData;
use serde::Deserialize;
use serde_json::json;

/// As much of a JSON-RPC request as tells what it is about.
#[derive(Debug, Deserialize)]
struct Request {
    method: String,
    params: Option<Params>,
}

#[derive(Debug, Deserialize)]
struct Params {
    /// Of `tools/call`.
    name: Option<String>,
    /// Of `resources/read`.
    uri: Option<String>,
}

impl McpServer {
    /// The scopes of everything that this server offers.
    pub fn scopes(&self) -> ScopeSet {
        let mut scopes = resources::scopes();
        for entry in self.entries() {
            scopes.insert(entry.scope.clone());
        }
        scopes
    }

    /// The scopes that the caller's token lacks for the JSON-RPC request in `body`; `None` when it lacks none, or when
    /// the body is none of the requests that need one: those are left to the protocol handler.
    pub fn missing_scopes(&self, caller: &Caller, body: &[u8]) -> Option<ScopeSet> {
        let Request { method, params } = serde_json::from_slice(body).ok()?;
        let params = params?;
        let needed = match method.as_str() {
            "tools/call" => self.entry(&params.name?)?.scope.clone(),
            "resources/read" => resources::needs(&params.uri?)?.scope,
            _ => return None,
        };
        if caller.token_allows(&needed) {
            return None;
        }
        let mut missing = ScopeSet::default();
        missing.insert(needed);
        Some(missing)
    }

    /// The caller's apps, asked only when one of the tools that its token allows depends on an app.
    pub(super) async fn apps_of(&self, caller: &Caller) -> AppSet {
        let matters = |entry: &ToolEntry| entry.app.is_some() && caller.may(&entry.scope);
        if self.entries().iter().any(matters) {
            self.services().apps.of(caller).await
        } else {
            AppSet::default()
        }
    }
}

/// The second lock behind the one before `/mcp`, and the only one of other transports.
pub(super) fn check_scope(caller: &Caller, needed: &Scope) -> Result<(), ErrorData> {
    if caller.may(needed) {
        return Ok(());
    }
    if caller.token_allows(needed) {
        // Another token would not help, so none is asked for.
        return Err(ErrorData::invalid_request(
            format!(
                "not_allowed: the user has taken {needed} back from this server, and only the user can give it again"
            ),
            Some(json!({"error": "not_allowed", "scopes_required": [needed]})),
        ));
    }
    Err(ErrorData::invalid_request(
        format!("insufficient_scope: the access token lacks the scope {needed}"),
        Some(json!({"error": "insufficient_scope", "scopes_required": [needed]})),
    ))
}

/// The sentence about a disabled app.
pub(super) fn app_is_missing(app: NextcloudApp) -> String {
    format!(
        "the {} app is not enabled for this user. Only an administrator of Nextcloud can enable it.",
        app.name()
    )
}

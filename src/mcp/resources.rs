//! Resources: `nc://capabilities` and `nc://Notes/{note_id}`.

use super::apps::{AppSet, NextcloudApp};
use super::error::{About, ToolError};
use super::notes::NoteView;
use super::permission::{app_is_missing, check_scope};
use super::tool::ToolContext;
use crate::auth::Caller;
use crate::auth::scopes::{Scope, ScopeSet};
use crate::nextcloud::NextcloudError;
use rmcp::model::{ErrorData, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde::Serialize;
use std::collections::BTreeSet;

const CAPABILITIES: &str = "nc://capabilities";
const NOTE_PREFIX: &str = "nc://Notes/";
const JSON: &str = "application/json";

/// What reading a resource needs.
#[derive(Debug)]
pub(super) struct Needs {
    pub(super) scope: Scope,
    pub(super) app: Option<NextcloudApp>,
}

/// What reading `uri` needs; `None` when there is no such resource.
pub(super) fn needs(uri: &str) -> Option<Needs> {
    if uri == CAPABILITIES {
        // Tells nothing of the user's data.
        Some(Needs {
            scope: Scope::OPENID,
            app: None,
        })
    } else {
        uri.starts_with(NOTE_PREFIX).then_some(Needs {
            scope: Scope::NOTES_READ,
            app: Some(NextcloudApp::Notes),
        })
    }
}

/// The scopes of all resources.
pub(super) fn scopes() -> ScopeSet {
    BTreeSet::from([Scope::OPENID, Scope::NOTES_READ]).into()
}

/// What a caller with `apps` is shown.
pub(super) fn resources(caller: &Caller, apps: &AppSet) -> Vec<Resource> {
    let capabilities = Resource::new(CAPABILITIES, "capabilities")
        .with_title("Nextcloud capabilities")
        .with_description("The apps and features that this Nextcloud offers the user.")
        .with_mime_type(JSON);
    [capabilities]
        .into_iter()
        .filter(|resource| is_shown(&resource.uri, caller, apps))
        .collect()
}

/// The templates that a caller with `apps` is shown.
pub(super) fn templates(caller: &Caller, apps: &AppSet) -> Vec<ResourceTemplate> {
    let note = ResourceTemplate::new("nc://Notes/{note_id}", "note")
        .with_title("Note")
        .with_description("A note with its content, by id.")
        .with_mime_type(JSON);
    [note]
        .into_iter()
        .filter(|template| is_shown(&template.uri_template, caller, apps))
        .collect()
}

fn is_shown(uri: &str, caller: &Caller, apps: &AppSet) -> bool {
    needs(uri).is_some_and(|needs| caller.may(&needs.scope) && apps.has(needs.app))
}

/// Reads a resource in the caller's name.
pub(super) async fn read(context: &ToolContext, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let Some(needs) = needs(uri) else {
        return Err(not_found(uri));
    };
    check_scope(&context.caller, &needs.scope)?;
    match read_allowed(context, uri).await {
        Ok(Some(answer)) => Ok(answer),
        Ok(None)
        | Err(ToolError::Nextcloud {
            error: NextcloudError::NotFound(_),
            ..
        }) => Err(not_found(uri)),
        Err(error) => {
            let sentence = context.tell("resources/read", error).await?;
            Err(ErrorData::internal_error(sentence, None))
        }
    }
}

async fn read_allowed(context: &ToolContext, uri: &str) -> Result<Option<ReadResourceResult>, ToolError> {
    if uri == CAPABILITIES {
        let capabilities = context.nextcloud().await?.capabilities().await.about(uri)?;
        return json(uri, &capabilities).map(Some);
    }
    let id = uri
        .strip_prefix(NOTE_PREFIX)
        .and_then(|id| id.parse::<i64>().ok());
    let Some(id) = id else {
        return Ok(None);
    };
    if !context
        .services
        .apps
        .of(&context.caller)
        .await
        .has(Some(NextcloudApp::Notes))
    {
        return Err(ToolError::Told(app_is_missing(NextcloudApp::Notes)));
    }
    let note = context.nextcloud().await?.note(id).await.about(uri)?;
    json(uri, &NoteView::new(note, &context.services.links)).map(Some)
}

fn json(uri: &str, value: &impl Serialize) -> Result<ReadResourceResult, ToolError> {
    let text = serde_json::to_string(value).map_err(|error| ToolError::Internal(Box::new(error)))?;
    Ok(ReadResourceResult::new(vec![
        ResourceContents::text(text, uri).with_mime_type(JSON),
    ]))
}

fn not_found(uri: &str) -> ErrorData {
    let uri: String = uri.chars().take(200).collect();
    ErrorData::resource_not_found(format!("no such resource: {uri}"), None)
}

//! Resources: `nc://capabilities` and `nc://Notes/{note_id}`.

use super::error::nextcloud_sentence;
use super::notes::NoteView;
use super::tool::ToolContext;
use crate::nextcloud::NextcloudError;
use rmcp::model::{ErrorData, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};
use serde::Serialize;

const CAPABILITIES: &str = "nc://capabilities";
const NOTE_PREFIX: &str = "nc://Notes/";
const JSON: &str = "application/json";

/// What is listed.
pub(super) fn resources() -> Vec<Resource> {
    vec![
        Resource::new(CAPABILITIES, "capabilities")
            .with_title("Nextcloud capabilities")
            .with_description("The apps and features that this Nextcloud offers the user.")
            .with_mime_type(JSON),
    ]
}

/// The templates that are listed.
pub(super) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new("nc://Notes/{note_id}", "note")
            .with_title("Note")
            .with_description("A note with its content, by id.")
            .with_mime_type(JSON),
    ]
}

/// Reads a resource in the caller's name.
pub(super) async fn read(context: &ToolContext, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    if uri == CAPABILITIES {
        let capabilities = context.nextcloud().capabilities().await;
        return match capabilities {
            Ok(capabilities) => json(uri, &capabilities),
            Err(error) => Err(failed(context, uri, error).await),
        };
    }
    if let Some(id) = uri
        .strip_prefix(NOTE_PREFIX)
        .and_then(|id| id.parse::<i64>().ok())
    {
        return match context.nextcloud().note(id).await {
            Ok(note) => json(uri, &NoteView::new(note, &context.services.links)),
            Err(error) => Err(failed(context, uri, error).await),
        };
    }
    Err(not_found(uri))
}

fn json(uri: &str, value: &impl Serialize) -> Result<ReadResourceResult, ErrorData> {
    let text =
        serde_json::to_string(value).map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(ReadResourceResult::new(vec![
        ResourceContents::text(text, uri).with_mime_type(JSON),
    ]))
}

fn not_found(uri: &str) -> ErrorData {
    let uri: String = uri.chars().take(200).collect();
    ErrorData::resource_not_found(format!("no such resource: {uri}"), None)
}

async fn failed(context: &ToolContext, uri: &str, error: NextcloudError) -> ErrorData {
    match error {
        NextcloudError::NotFound(_) => not_found(uri),
        error => {
            if matches!(error, NextcloudError::Unauthorized) {
                context.caller.credential_rejected().await;
            }
            ErrorData::internal_error(nextcloud_sentence("resources/read", Some(uri), &error), None)
        }
    }
}

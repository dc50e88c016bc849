//! What `nc_webdav_move_resource` and `nc_webdav_copy_resource` share.

use super::model::bare_etag;
use super::path::below_root;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Answered, ToolContext};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Arguments of move and copy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transfer {
    /// What to take.
    source_path: String,
    /// Where it shall be, with its name; its folder must exist.
    destination_path: String,
    /// Replace what is there.
    #[serde(default)]
    overwrite: bool,
    /// Only replace the destination while it has this etag.
    if_destination_match: Option<String>,
}

/// What happens to the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// It goes.
    Move,
    /// It stays.
    Copy,
}

/// What move and copy did.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Transferred {
    #[serde(flatten)]
    answered: Answered,
    status_code: Option<u16>,
    message: Option<String>,
    source_path: String,
    destination_path: String,
    overwrite: bool,
}

impl Transferred {
    /// `replaced`: something stood at the destination before.
    fn new(answered: Answered, from: String, to: String, overwrite: bool, replaced: bool) -> Self {
        let (status, message) = if replaced {
            (204, "The destination was replaced")
        } else {
            (201, "Done")
        };
        Self {
            answered,
            status_code: Some(status),
            message: Some(message.into()),
            source_path: from,
            destination_path: to,
            overwrite,
        }
    }
}

/// Moves or copies within the caller's files.
pub(super) async fn transfer(
    context: ToolContext,
    arguments: Transfer,
    kind: Kind,
) -> Result<Transferred, ToolError> {
    let from = below_root("source_path", &arguments.source_path)?;
    let to = below_root("destination_path", &arguments.destination_path)?;
    let overwrite = arguments.overwrite;
    let etag = bare_etag(arguments.if_destination_match.as_ref());
    let nextcloud = context.nextcloud().await?;
    let replaced = match kind {
        Kind::Move => nextcloud.move_to(&from, &to, overwrite, etag.as_deref()).await,
        Kind::Copy => nextcloud.copy_to(&from, &to, overwrite, etag.as_deref()).await,
    };
    let replaced = replaced.about(format!("{from} → {to}"))?;
    Ok(Transferred::new(
        context.answered(),
        from,
        to,
        overwrite,
        replaced,
    ))
}

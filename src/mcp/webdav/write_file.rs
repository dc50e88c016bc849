//! `nc_webdav_write_file`.

use super::model::bare_etag;
use super::path::below_root;
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Answered, Effect, ToolContext, ToolEntry};
use crate::nextcloud::Precondition;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes of the largest file that is written.
const MAX_BYTES: usize = 50_000_000;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Path from the root of the user's files; its folder must exist.
    path: String,
    /// Text, or base64 when `content_type` says so.
    content: String,
    /// MIME type; add `;base64` when `content` is base64, as in `image/png;base64`.
    content_type: Option<String>,
    /// Only replace the file while it has this etag.
    if_match: Option<String>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WriteFile {
    #[serde(flatten)]
    answered: Answered,
    status_code: Option<u16>,
    message: Option<String>,
    path: String,
    size: Option<usize>,
    created: bool,
    etag: Option<String>,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_write_file",
        "Write file",
        "Create a file or replace its content.",
        Effect::Changes,
        Scope::FILES_WRITE,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<WriteFile, ToolError> {
    let path = below_root("path", &arguments.path)?;
    let (body, content_type) = decoded(arguments.content, arguments.content_type.as_deref())?;
    let size = body.len();
    if size > MAX_BYTES {
        return Err(ToolError::Arguments(
            "argument `content` must hold at most 50 MB".into(),
        ));
    }
    let precondition =
        bare_etag(arguments.if_match.as_ref()).map_or(Precondition::Any, Precondition::Matches);
    let put = context
        .nextcloud()
        .await?
        .upload(&path, body, content_type.as_deref(), &precondition)
        .await
        .about(path.as_str())?;
    let (status, message) = if put.created {
        (201, "File created")
    } else {
        (204, "File replaced")
    };
    Ok(WriteFile {
        answered: context.answered(),
        status_code: Some(status),
        message: Some(message.into()),
        path,
        size: Some(size),
        created: put.created,
        etag: put.etag,
    })
}

/// The bytes to write and their MIME type without the `;base64` mark.
fn decoded(content: String, content_type: Option<&str>) -> Result<(Bytes, Option<String>), ToolError> {
    let Some(content_type) = content_type else {
        return Ok((Bytes::from(content), None));
    };
    if content_type.chars().any(char::is_control) {
        return Err(ToolError::Arguments(
            "argument `content_type` is not a MIME type".into(),
        ));
    }
    let mut parameters: Vec<&str> = content_type.split(';').map(str::trim).collect();
    let is_base64 = parameters
        .iter()
        .any(|parameter| parameter.eq_ignore_ascii_case("base64"));
    parameters.retain(|parameter| !parameter.is_empty() && !parameter.eq_ignore_ascii_case("base64"));
    let content_type = Some(parameters.join("; ")).filter(|text| !text.is_empty());
    if !is_base64 {
        return Ok((Bytes::from(content), content_type));
    }
    let compact: String = content.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD
        .decode(compact)
        .map_err(|error| ToolError::Arguments(format!("argument `content` is not valid base64: {error}")))?;
    Ok((Bytes::from(bytes), content_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_only_when_the_type_says_so() {
        let (bytes, kind) = decoded("aGk=".into(), Some("image/png;base64")).unwrap();
        assert_eq!(
            (bytes.as_ref(), kind.as_deref()),
            (b"hi".as_slice(), Some("image/png"))
        );
        let (bytes, kind) = decoded("aGk=".into(), Some("text/plain; charset=utf-8")).unwrap();
        assert_eq!(
            (bytes.as_ref(), kind.as_deref()),
            (b"aGk=".as_slice(), Some("text/plain; charset=utf-8"))
        );
        assert!(decoded("not base64!".into(), Some("image/png;base64")).is_err());
        assert!(decoded("x".into(), Some("text/plain\r\nX-Evil: 1")).is_err());
    }
}

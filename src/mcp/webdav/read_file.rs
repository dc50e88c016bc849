//! `nc_webdav_read_file`.

use super::path::below_root;
use crate::auth::scopes::Scope;
use crate::mcp::error::{About, ToolError};
use crate::mcp::tool::{Answered, Effect, ToolContext, ToolEntry};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::SecondsFormat;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes of the largest file that is read.
const MAX_BYTES: u64 = 10_000_000;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ParseDocument {
    /// Text where it is text.
    #[default]
    Auto,
    /// As Markdown where a parser can.
    Markdown,
    /// As it is.
    Raw,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// Path from the root of the user's files.
    path: String,
    /// auto: text where it is text; markdown: parsed where a parser exists; raw: as it is.
    #[serde(default)]
    parse_document: ParseDocument,
}

#[derive(Debug, Serialize, JsonSchema, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum ParseStatus {
    /// Nothing to parse: text, or raw was asked for.
    NotNeeded,
    /// No parser for this type.
    Unsupported,
}

#[derive(Debug, Serialize, JsonSchema, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum ContentFormat {
    Text,
    Markdown,
    Base64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ReadFile {
    #[serde(flatten)]
    answered: Answered,
    path: String,
    content: String,
    content_type: String,
    size: usize,
    encoding: Option<String>,
    parsed: bool,
    parse_status: ParseStatus,
    parse_tier: Option<String>,
    parse_processor: Option<String>,
    content_format: ContentFormat,
    parse_notes: Vec<String>,
    etag: Option<String>,
    last_modified: Option<String>,
}

pub(super) fn tool() -> ToolEntry {
    ToolEntry::new(
        "nc_webdav_read_file",
        "Read file",
        "Read a file, up to 10 MB. Text comes as it is (encoding utf-8), anything else as base64.",
        Effect::Reads,
        Scope::FILES_READ,
        run,
    )
}

async fn run(context: ToolContext, arguments: Arguments) -> Result<ReadFile, ToolError> {
    let path = below_root("path", &arguments.path)?;
    let download = context
        .nextcloud()
        .await?
        .download(&path, MAX_BYTES)
        .await
        .about(path.as_str())?;
    let size = download.bytes.len();
    let content_type = download
        .content_type
        .unwrap_or_else(|| "application/octet-stream".into());
    let (body, encoding) = decoded(&download.bytes);
    let is_text = encoding == "utf-8";
    let content_format = match (is_text, content_type.starts_with("text/markdown")) {
        (true, true) => ContentFormat::Markdown,
        (true, false) => ContentFormat::Text,
        (false, _) => ContentFormat::Base64,
    };
    let unsupported = !is_text && arguments.parse_document != ParseDocument::Raw;
    let parse_notes = if unsupported {
        vec![format!(
            "No text can be taken from {content_type} by this tool; the content is base64."
        )]
    } else {
        Vec::new()
    };
    Ok(ReadFile {
        answered: context.answered(),
        path,
        content: body,
        content_type,
        size,
        encoding: Some(encoding.to_owned()),
        parsed: false,
        parse_status: if unsupported {
            ParseStatus::Unsupported
        } else {
            ParseStatus::NotNeeded
        },
        parse_tier: None,
        parse_processor: None,
        content_format,
        parse_notes,
        etag: download.etag,
        last_modified: download
            .last_modified
            .map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true)),
    })
}

/// Text when it is UTF-8 without NUL, whatever the server calls it; else base64.
fn decoded(bytes: &Bytes) -> (String, &'static str) {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(text) {
        Ok(text) if !text.contains('\0') => (text.to_owned(), "utf-8"),
        _ => (STANDARD.encode(bytes), "base64"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_text_and_the_rest_is_base64() {
        assert_eq!(decoded(&Bytes::from("grün")), ("grün".into(), "utf-8"));
        assert_eq!(decoded(&Bytes::from("\u{feff}bom")), ("bom".into(), "utf-8"));
        assert_eq!(
            decoded(&Bytes::from_static(&[0xff, 0xd8])),
            ("/9g=".into(), "base64")
        );
        assert_eq!(decoded(&Bytes::from_static(b"a\0b")).1, "base64");
        assert_eq!(decoded(&Bytes::new()), (String::new(), "utf-8"));
    }
}

//! One file or folder.

use std::collections::BTreeMap;

use axum::body::Bytes;

/// A node of some user's tree. Ids are unique across all users.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) id: i64,
    /// `None` for a user's root.
    pub(crate) parent: Option<i64>,
    pub(crate) name: String,
    /// The uid whose storage holds it.
    pub(crate) owner: String,
    pub(crate) content: Content,
    /// Without quotes.
    pub(crate) etag: String,
    /// Modification time as clients set it, epoch seconds.
    pub(crate) modified: i64,
    /// When the server last saw a change of this node itself, epoch seconds.
    pub(crate) changed: i64,
    /// Bytes; of a folder, of everything in it.
    pub(crate) size: u64,
    /// What the last upload said in `OC-Checksum`; nobody checks it, as in Nextcloud.
    pub(crate) checksum: Option<String>,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    File { bytes: Bytes, mime: String },
    Folder { children: BTreeMap<String, i64> },
}

impl Node {
    pub(crate) fn is_folder(&self) -> bool {
        matches!(self.content, Content::Folder { .. })
    }

    /// A folder's children by name.
    pub(crate) fn children(&self) -> Option<&BTreeMap<String, i64>> {
        match &self.content {
            Content::Folder { children } => Some(children),
            Content::File { .. } => None,
        }
    }

    /// A file's bytes.
    pub(crate) fn bytes(&self) -> Option<&Bytes> {
        match &self.content {
            Content::File { bytes, .. } => Some(bytes),
            Content::Folder { .. } => None,
        }
    }

    /// A file's MIME type; `httpd/unix-directory` for a folder.
    pub(crate) fn mime(&self) -> &str {
        match &self.content {
            Content::File { mime, .. } => mime,
            Content::Folder { .. } => "httpd/unix-directory",
        }
    }
}

/// The MIME type that Nextcloud gives a file of this name.
pub(crate) fn mime_of(name: &str) -> &'static str {
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase())
        .unwrap_or_default();
    match extension.as_str() {
        "md" | "markdown" => "text/markdown",
        "txt" | "log" | "conf" => "text/plain",
        "html" | "htm" => "text/html",
        "css" => "text/css",
        "csv" => "text/csv",
        "js" => "application/javascript",
        "json" => "application/json",
        "xml" => "application/xml",
        "yaml" | "yml" => "application/yaml",
        "sql" => "application/sql",
        "py" => "text/x-python",
        "sh" => "text/x-shellscript",
        "c" => "text/x-c",
        "h" => "text/x-h",
        "java" => "text/x-java-source",
        "pdf" => "application/pdf",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "zip" => "application/zip",
        "docx" => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "odt" => "application/vnd.oasis.opendocument.text",
        _ => "application/octet-stream",
    }
}

//! The request: a form of options and one file, sent as it arrives.

use crate::documents::extractor::ByteStream;
use crate::entropy::SharedEntropy;
use bytes::Bytes;
use futures::{StreamExt, stream};

/// Marks the end of a page in the Markdown that comes back.
pub(super) const PAGE_BREAK: &str = "<!-- page break -->";

/// What is asked for. `placeholder`: pictures inside the document are not sent back.
const OPTIONS: [(&str, &str); 5] = [
    ("to_formats", "md"),
    ("do_ocr", "true"),
    ("image_export_mode", "placeholder"),
    ("md_page_break_placeholder", PAGE_BREAK),
    ("abort_on_error", "false"),
];

/// Longest file extension that is told to the service.
const MAX_EXTENSION: usize = 8;

/// A `multipart/form-data` body (RFC 7578) with one file.
pub(super) struct Form {
    /// `Content-Type` of the request.
    pub(super) content_type: String,
    /// The body.
    pub(super) body: ByteStream,
}

impl Form {
    /// The form around `file`. Only the extension of `name` is told: it says how to read the file, and the rest is
    /// nobody's business.
    pub(super) fn new(file: ByteStream, name: &str, entropy: &SharedEntropy) -> Self {
        let mut random = [0; 16];
        entropy.fill(&mut random);
        let boundary = format!("form-{}", hex::encode(random));
        let field = |name: &str, more: &str| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n")
        };
        let mut head = String::new();
        for (option, value) in OPTIONS {
            head.extend([&field(option, ""), "\r\n", value, "\r\n"]);
        }
        let file_name = match extension(name) {
            Some(extension) => format!("; filename=\"document.{extension}\""),
            None => "; filename=\"document\"".to_owned(),
        };
        head.push_str(&field("files", &file_name));
        head.push_str("Content-Type: application/octet-stream\r\n\r\n");
        let tail = format!("\r\n--{boundary}--\r\n");
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            body: stream::iter([Ok(Bytes::from(head))])
                .chain(file)
                .chain(stream::iter([Ok(Bytes::from(tail))]))
                .boxed(),
        }
    }
}

/// The extension, where it is one that can stand in a header.
fn extension(name: &str) -> Option<String> {
    let (_, extension) = name.rsplit_once('.')?;
    let is_plain = (1..=MAX_EXTENSION).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| extension.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::extension;

    #[test]
    fn only_a_plain_extension_is_told() {
        assert_eq!(extension("Scan vom 3.5.PDF").as_deref(), Some("pdf"));
        for name in ["scan", "a.p\"\r\nX: y", "a.", "a.verylongone"] {
            assert_eq!(extension(name), None, "{name}");
        }
    }
}

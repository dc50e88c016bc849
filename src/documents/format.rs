//! Which files hold text, told from type, name and size alone.

use super::SkipReason;

/// How to read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text as it stands: plain text, source code, configuration, CSV, JSON, XML.
    Text,
    /// Markdown.
    Markdown,
    /// HTML, read as Markdown.
    Html,
}

/// Decides before download whether a file's text can be had. `limit` is the largest accepted size in bytes; a size
/// that the source does not tell passes and is checked again after download.
///
/// The extension decides before the type: Nextcloud calls many source files `application/octet-stream`, and some
/// (`.ts`) video.
///
/// # Errors
/// [`SkipReason::Unsupported`], [`SkipReason::TooLarge`] or [`SkipReason::Empty`].
pub fn is_candidate(
    mime: Option<&str>,
    name: &str,
    size: Option<u64>,
    limit: u64,
) -> Result<Format, SkipReason> {
    let format = by_name(name)
        .or_else(|| by_type(mime?))
        .ok_or(SkipReason::Unsupported)?;
    match size {
        Some(0) => Err(SkipReason::Empty),
        Some(size) if size > limit => Err(SkipReason::TooLarge),
        _ => Ok(format),
    }
}

const TEXT_EXTENSIONS: &[&str] = &[
    "adoc",
    "asc",
    "asciidoc",
    "asm",
    "awk",
    "bash",
    "bat",
    "bib",
    "c",
    "cc",
    "cfg",
    "clj",
    "cmake",
    "cmd",
    "conf",
    "cpp",
    "cs",
    "css",
    "csv",
    "cxx",
    "dart",
    "desktop",
    "diff",
    "dockerfile",
    "el",
    "env",
    "erl",
    "ex",
    "exs",
    "f90",
    "fish",
    "fs",
    "go",
    "gql",
    "gradle",
    "graphql",
    "groovy",
    "h",
    "hcl",
    "hh",
    "hpp",
    "hrl",
    "hs",
    "ical",
    "ics",
    "ini",
    "java",
    "jl",
    "js",
    "json",
    "json5",
    "jsonl",
    "jsx",
    "kt",
    "kts",
    "less",
    "lisp",
    "log",
    "lua",
    "m3u",
    "mjs",
    "mk",
    "ml",
    "mli",
    "ndjson",
    "nfo",
    "nix",
    "opml",
    "org",
    "pas",
    "patch",
    "php",
    "pl",
    "plist",
    "pm",
    "po",
    "pot",
    "properties",
    "proto",
    "ps1",
    "py",
    "pyi",
    "r",
    "rb",
    "rs",
    "rst",
    "rtx",
    "sass",
    "scala",
    "scm",
    "scss",
    "sh",
    "sql",
    "srt",
    "srv",
    "svelte",
    "swift",
    "tcl",
    "tex",
    "text",
    "tf",
    "toml",
    "ts",
    "tsv",
    "tsx",
    "txt",
    "v",
    "vb",
    "vbs",
    "vcf",
    "vim",
    "vtt",
    "vue",
    "wiki",
    "xml",
    "xsd",
    "xsl",
    "yaml",
    "yml",
    "zig",
    "zsh",
];

const TEXT_TYPES: &[&str] = &[
    "application/ecmascript",
    "application/graphql",
    "application/javascript",
    "application/json",
    "application/ld+json",
    "application/sql",
    "application/toml",
    "application/x-httpd-php",
    "application/x-javascript",
    "application/x-ndjson",
    "application/x-perl",
    "application/x-php",
    "application/x-sh",
    "application/x-shellscript",
    "application/x-tex",
    "application/x-yaml",
    "application/xml",
    "application/yaml",
];

fn by_name(name: &str) -> Option<Format> {
    let name = name.rsplit('/').next().unwrap_or(name).to_lowercase();
    if matches!(
        name.as_str(),
        "readme" | "license" | "changelog" | "dockerfile" | "makefile" | "todo"
    ) {
        return Some(Format::Text);
    }
    let (_, extension) = name.rsplit_once('.')?;
    match extension {
        "md" | "markdown" | "mdown" | "mkd" | "mdx" => Some(Format::Markdown),
        "html" | "htm" | "xhtml" => Some(Format::Html),
        _ => TEXT_EXTENSIONS
            .binary_search(&extension)
            .ok()
            .map(|_| Format::Text),
    }
}

fn by_type(mime: &str) -> Option<Format> {
    let essence = mime.split(';').next().unwrap_or(mime).trim().to_ascii_lowercase();
    match essence.as_str() {
        "text/markdown" | "text/x-markdown" => Some(Format::Markdown),
        "text/html" | "application/xhtml+xml" => Some(Format::Html),
        // RTF is markup that reads as noise.
        "text/rtf" | "text/richtext" => None,
        other if other.starts_with("text/") || TEXT_TYPES.binary_search(&other).is_ok() => Some(Format::Text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_for_binary_search() {
        assert!(TEXT_EXTENSIONS.is_sorted());
        assert!(TEXT_TYPES.is_sorted());
    }

    #[test]
    fn name_and_type_decide() {
        let of = |mime, name| is_candidate(mime, name, Some(10), 100);
        assert_eq!(of(Some("text/markdown"), "a"), Ok(Format::Markdown));
        assert_eq!(
            of(Some("application/octet-stream"), "Notes/A.MD"),
            Ok(Format::Markdown)
        );
        assert_eq!(of(Some("video/mp2t"), "main.ts"), Ok(Format::Text));
        assert_eq!(of(Some("text/html; charset=utf-8"), "page"), Ok(Format::Html));
        assert_eq!(of(Some("application/json"), "data"), Ok(Format::Text));
        assert_eq!(of(None, "README"), Ok(Format::Text));
        assert_eq!(of(Some("text/rtf"), "letter"), Err(SkipReason::Unsupported));
        assert_eq!(of(Some("image/png"), "a.png"), Err(SkipReason::Unsupported));
        assert_eq!(of(Some("application/pdf"), "a.pdf"), Err(SkipReason::Unsupported));
        assert_eq!(of(None, "no-extension"), Err(SkipReason::Unsupported));
    }

    #[test]
    fn size_is_judged_before_download() {
        assert_eq!(is_candidate(None, "a.txt", Some(0), 100), Err(SkipReason::Empty));
        assert_eq!(
            is_candidate(None, "a.txt", Some(101), 100),
            Err(SkipReason::TooLarge)
        );
        assert_eq!(is_candidate(None, "a.txt", Some(100), 100), Ok(Format::Text));
        assert_eq!(is_candidate(None, "a.txt", None, 100), Ok(Format::Text));
        assert_eq!(
            is_candidate(None, "a.zip", Some(101), 100),
            Err(SkipReason::Unsupported)
        );
    }
}

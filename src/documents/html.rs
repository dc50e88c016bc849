//! HTML → Markdown.

use super::SkipReason;
use super::guard::guarded;
use htmd::HtmlToMarkdown;

/// Deeper nesting than any page that people write; the converter recurses once per level.
const MAX_DEPTH: usize = 1_000;

/// Markup larger than this is read as a machine's output, not as a page.
const MAX_BYTES: usize = 20 * 1024 * 1024;

/// Tags whose content is not text for readers.
const SKIPPED: [&str; 7] = ["script", "style", "head", "noscript", "template", "svg", "iframe"];

/// Headings, lists, links and tables as Markdown; scripts, styles and the head dropped.
pub(super) fn to_markdown(html: &str) -> Result<String, SkipReason> {
    if html.len() > MAX_BYTES {
        return Err(SkipReason::TooLargeInside);
    }
    if nesting_bound(html) > MAX_DEPTH {
        return Err(SkipReason::Malformed);
    }
    guarded(|| {
        HtmlToMarkdown::builder()
            .skip_tags(SKIPPED.to_vec())
            .build()
            .convert(html)
            .map_err(|_unreadable| SkipReason::Malformed)
    })
}

/// Elements that the parser nests only until the next block starts, however often they stay unclosed, or that never
/// hold anything.
const FLAT: [&str; 19] = [
    "area", "base", "br", "col", "dd", "dt", "embed", "hr", "img", "input", "li", "link", "meta", "option",
    "p", "source", "td", "tr", "wbr",
];

/// An upper estimate of the tree's depth from start and end tags, without parsing.
fn nesting_bound(html: &str) -> usize {
    let bytes = html.as_bytes();
    let (mut depth, mut deepest) = (0_usize, 0);
    for (at, _) in html.match_indices('<') {
        match bytes.get(at + 1) {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(letter) if letter.is_ascii_alphabetic() => {
                let name = html[at + 1..]
                    .split(|c: char| !c.is_ascii_alphanumeric())
                    .next()
                    .unwrap_or_default();
                if !FLAT.iter().any(|flat| flat.eq_ignore_ascii_case(name)) {
                    depth += 1;
                    deepest = deepest.max(depth);
                }
            }
            _ => {}
        }
    }
    deepest
}

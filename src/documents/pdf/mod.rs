//! PDF → Markdown, page by page.
//!
//! A PDF says where each character stands, not what it is. [`lines`] puts characters together to lines and cells;
//! [`structure`] tells headings by their size, lists by their bullets and tables by their columns.

mod lines;
mod structure;

use super::guard::guarded;
use super::{Pages, SkipReason, decode};
use lines::Collector;
use pdf_extract::{Document, OutputError, output_doc, output_doc_page};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// More text than this is no document that people read.
const MAX_TEXT_BYTES: usize = 50 * 1024 * 1024;

/// After a page that cannot be read the following ones are read one by one, which takes time that grows with the square
/// of their number.
const MAX_SINGLE_PAGES: usize = 2_000;

/// The text of all pages and where they begin. A page that cannot be read is empty.
///
/// # Errors
/// [`SkipReason::Encrypted`], [`SkipReason::NoTextLayer`], [`SkipReason::TooLargeInside`] or [`SkipReason::Malformed`].
pub(super) fn to_markdown(bytes: &[u8]) -> Result<(String, Pages), SkipReason> {
    guarded(|| {
        let mut document = Document::load_mem(bytes).map_err(|error| reason(&error))?;
        // Many files are encrypted with an empty password, only to forbid printing or copying to programs that obey.
        if document.is_encrypted() && document.decrypt("").is_err() {
            return Err(SkipReason::Encrypted);
        }
        let total = document.get_pages().len();
        let collected = collect(&document, total);
        let readable = collected
            .iter()
            .flatten()
            .any(|line| line.text().contains(char::is_alphanumeric));
        if !readable {
            return Err(if total == 0 {
                SkipReason::Malformed
            } else {
                SkipReason::NoTextLayer
            });
        }
        let pages: Vec<String> = structure::markdown(&collected)
            .iter()
            .map(|page| decode::normalise(page))
            .collect();
        if pages.iter().map(String::len).sum::<usize>() > MAX_TEXT_BYTES {
            return Err(SkipReason::TooLargeInside);
        }
        Ok(Pages::join(&pages))
    })
}

/// The lines of each page.
fn collect(document: &Document, total: usize) -> Vec<Vec<lines::Line>> {
    let mut collector = Collector::default();
    let whole = catch_unwind(AssertUnwindSafe(|| output_doc(document, &mut collector)));
    if !matches!(whole, Ok(Ok(()))) {
        let broken = collector.begun();
        for page in broken + 1..=total.min(broken + MAX_SINGLE_PAGES) {
            let number = u32::try_from(page).unwrap_or(u32::MAX);
            let _unreadable: Result<Result<(), OutputError>, _> = catch_unwind(AssertUnwindSafe(|| {
                output_doc_page(document, &mut collector, number)
            }));
            collector.skip_to(page);
        }
    }
    collector.finish(total)
}

fn reason(error: &pdf_extract::Error) -> SkipReason {
    match error {
        pdf_extract::Error::Decryption(_) | pdf_extract::Error::InvalidPassword => SkipReason::Encrypted,
        _ => SkipReason::Malformed,
    }
}

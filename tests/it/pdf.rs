//! Small PDFs, written by hand.

#[path = "../support/pdf_file.rs"]
mod pdf_file;

use pdf_file::{assemble, stream};

/// Width and height of a page, in points.
pub const PAGE: (u32, u32) = (200, 100);

/// What stands on a page.
pub struct Content {
    /// Entries of the stream's dictionary, such as a filter.
    pub entries: &'static str,
    /// The stream.
    pub bytes: Vec<u8>,
}

impl Content {
    /// Drawing operators as they are.
    pub fn plain(operators: &str) -> Self {
        Self {
            entries: "",
            bytes: operators.as_bytes().to_vec(),
        }
    }
}

/// A PDF with one page for each content, and `padding` bytes that no page uses.
pub fn pdf(pages: &[Content], padding: usize) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|at| format!("{} 0 R", 4 + 2 * at)).collect();
    let (width, height) = PAGE;
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Count {}/Kids[{}]>>", pages.len(), kids.join(" ")).into_bytes(),
        stream("", &vec![b'.'; padding]),
    ];
    for (at, content) in pages.iter().enumerate() {
        let page = format!(
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {} 0 R>>",
            5 + 2 * at
        );
        objects.push(page.into_bytes());
        objects.push(stream(content.entries, &content.bytes));
    }
    assemble(&objects, "")
}

/// A PDF whose one page unfolds to at least `bytes` bytes of blanks.
pub fn bomb(bytes: usize) -> Vec<u8> {
    // "Repeat the next byte 128 times" (ISO 32000-1, 7.4.5).
    let runs = [129, b' '].repeat(bytes.div_ceil(128));
    let content = Content {
        entries: "/Filter/RunLengthDecode",
        bytes: [runs, vec![128]].concat(),
    };
    pdf(&[content], 0)
}

/// A PDF whose one page keeps a processor busy for a long time.
pub fn endless() -> Vec<u8> {
    let operators = "0 0 200 100 re 200 0 0 100 10 50 c f* ".repeat(2_000_000);
    pdf(&[Content::plain(&operators)], 0)
}

//! A page of text drawn in a child process, from the start of the process to the picture.

#[path = "../../tests/support/pdf_file.rs"]
mod pdf_file;

use crate::support::{Goal, figure, percentile};
use crate::world::Outcome;
use nextcloud_mcp_server::sandbox::Sandbox;
use pdf_file::{assemble, stream};
use std::time::{Duration, Instant};

const PAGES: usize = 40;
const LINES: usize = 55;
/// What `GET /api/v1/pdf-preview` draws at without a wish.
const SCALE: f32 = 2.0;

/// Runs this part.
pub async fn run() -> Outcome<()> {
    let document = bytes::Bytes::from(page_of_text());
    let sandbox = Sandbox::new();
    let mut times: Vec<Duration> = Vec::with_capacity(PAGES);
    for _ in 0..PAGES {
        let begun = Instant::now();
        let input = futures::stream::iter([Ok::<_, std::io::Error>(document.clone())]);
        let place = sandbox.place().await?;
        let page = place.render_pdf_page(1, SCALE, input).await??;
        times.push(begun.elapsed());
        if page.png.is_empty() {
            return Err("an empty picture".into());
        }
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
        figure(
            &format!("PDF page of text (A4, scale 2) drawn in a child, {name}"),
            percentile(&mut times, share),
            "ms",
            Goal::AtMost(500.0),
        );
    }
    Ok(())
}

/// One page of A4, full of text in one of the standard fonts.
fn page_of_text() -> Vec<u8> {
    let line =
        "The quick brown ferry crosses the lazy sound at 14:35, weather permitting, and returns at dusk.";
    let lines = format!("({line}) Tj T*\n").repeat(LINES);
    let content = format!("BT /F 10 Tf 50 790 Td 13 TL\n{lines}ET");
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 4 0 R>>>>/Contents 5 0 R>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ];
    let mut objects = objects.map(|object| object.as_bytes().to_vec()).to_vec();
    objects.push(stream("", content.as_bytes()));
    assemble(&objects, "")
}

//! A page of a PDF as a picture. The drawing happens in a child.

use bytes::{Buf, Bytes};
use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::{LoadPdfError, Pdf};
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use serde::{Deserialize, Serialize};
use std::io;

/// Most pixels of a picture; what would be larger is drawn smaller. A page of A4 reaches them at a scale of 4.
pub const MAX_PIXELS: f32 = 8_000_000.0;
/// Longest side of a picture, in pixels.
const MAX_SIDE: f32 = 16_000.0;
/// A PDF says that it is one within its first bytes (ISO 32000-1, annex H, note 13).
const MARK: &[u8] = b"%PDF-";
const MARK_WITHIN: usize = 1024;

/// A drawn page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedPage {
    /// The picture, as PNG.
    pub png: Bytes,
    /// Pages of the document.
    pub total_pages: u32,
}

/// Why a page cannot be drawn; it stays so until the file changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum PdfPageError {
    /// The file is something else.
    #[error("The file is not a PDF")]
    NotAPdf,
    /// It cannot be taken apart.
    #[error("The PDF is damaged")]
    Damaged,
    /// It takes a password to open it.
    #[error("The PDF is protected by a password")]
    Encrypted,
    /// There are fewer pages.
    #[error("Page {page} does not exist: the PDF has {total_pages} pages")]
    NoSuchPage {
        /// Number that was asked for.
        page: u32,
        /// Pages of the document.
        total_pages: u32,
    },
}

/// The first line of an answer; the picture follows.
#[derive(Serialize, Deserialize)]
struct Drawn {
    total_pages: u32,
}

/// Draws page `page` (from 1) on white, at `scale` pixels per point where that stays within [`MAX_PIXELS`].
pub(super) fn render(document: Vec<u8>, page: u32, scale: f32) -> Result<RenderedPage, PdfPageError> {
    let start = &document[..document.len().min(MARK_WITHIN)];
    if !start.windows(MARK.len()).any(|window| window == MARK) {
        return Err(PdfPageError::NotAPdf);
    }
    let pdf = Pdf::new(document).map_err(|error| match error {
        LoadPdfError::Decryption(_) => PdfPageError::Encrypted,
        LoadPdfError::Invalid => PdfPageError::Damaged,
    })?;
    let pages = pdf.pages();
    let total_pages = u32::try_from(pages.len()).unwrap_or(u32::MAX);
    if total_pages == 0 {
        return Err(PdfPageError::Damaged);
    }
    let wanted = page
        .checked_sub(1)
        .and_then(|index| pages.get(usize::try_from(index).ok()?))
        .ok_or(PdfPageError::NoSuchPage { page, total_pages })?;
    let (x_scale, y_scale) = fitting(wanted.render_dimensions(), scale).ok_or(PdfPageError::Damaged)?;
    let picture = hayro::render(
        wanted,
        &RenderCache::new(),
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &PixmapSettings {
            x_scale,
            y_scale,
            bg_color: WHITE,
        },
    );
    let (width, height) = (picture.width(), picture.height());
    let png =
        encode(width, height, picture.data_as_u8_slice()).map_err(|_drawn_wrong| PdfPageError::Damaged)?;
    Ok(RenderedPage {
        png: png.into(),
        total_pages,
    })
}

/// The scales at which a page of these dimensions (in points) has at least one pixel each way and not too many.
fn fitting((width, height): (f32, f32), scale: f32) -> Option<(f32, f32)> {
    let usable = |number: f32| number.is_finite() && number > 0.0;
    if ![width, height, scale].into_iter().all(usable) {
        return None;
    }
    let scale = scale
        .min(MAX_SIDE / width)
        .min(MAX_SIDE / height)
        // Each root alone: the product may overflow.
        .min(MAX_PIXELS.sqrt() / width.sqrt() / height.sqrt());
    // A little more than a pixel: rounding down must not leave none.
    let at_least_one = |side: f32| scale.max(1.01 / side);
    Some((at_least_one(width), at_least_one(height)))
}

/// PNG without the opacity, which is full everywhere on a white ground, and without colours where there are none: most
/// pages are text, and a third of the bytes is a third of the time.
fn encode(width: u16, height: u16, rgba: &[u8]) -> Result<Vec<u8>, png::EncodingError> {
    let (pixels, _) = rgba.as_chunks::<4>();
    let (colors, samples) = if pixels.iter().all(|[r, g, b, _]| r == g && g == b) {
        (
            png::ColorType::Grayscale,
            pixels.iter().map(|[grey, ..]| *grey).collect(),
        )
    } else {
        let samples = pixels.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]);
        (png::ColorType::Rgb, samples.collect::<Vec<u8>>())
    };
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, width.into(), height.into());
    encoder.set_color(colors);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&samples)?;
    writer.finish()?;
    Ok(png)
}

/// One line of JSON, then the picture.
pub(super) fn answer(rendered: Result<RenderedPage, PdfPageError>) -> io::Result<Vec<u8>> {
    let (line, png) = match rendered {
        Ok(RenderedPage { png, total_pages }) => (Ok(Drawn { total_pages }), png),
        Err(error) => (Err(error), Bytes::new()),
    };
    let mut answer = serde_json::to_vec(&line)?;
    answer.push(b'\n');
    answer.extend_from_slice(&png);
    Ok(answer)
}

/// The opposite of [`answer`].
pub(super) fn read_answer(mut answer: Bytes) -> Option<Result<RenderedPage, PdfPageError>> {
    let line = answer.iter().position(|byte| *byte == b'\n')?;
    let drawn: Result<Drawn, PdfPageError> = serde_json::from_slice(&answer[..line]).ok()?;
    answer.advance(line + 1);
    Some(drawn.map(|Drawn { total_pages }| RenderedPage {
        png: answer,
        total_pages,
    }))
}

#[cfg(test)]
#[path = "../../tests/support/pdf_file.rs"]
mod pdf_file;

#[cfg(test)]
mod tests {
    use super::pdf_file::{assemble, stream};
    use super::*;

    /// A PDF whose pages have these sizes in points and a square in the lower left quarter: black, on the second page red.
    fn pdf(sizes: &[(f32, f32)]) -> Vec<u8> {
        assemble(&objects(sizes), "")
    }

    fn objects(sizes: &[(f32, f32)]) -> Vec<Vec<u8>> {
        let kids: Vec<String> = (0..sizes.len()).map(|at| format!("{} 0 R", 3 + 2 * at)).collect();
        let mut objects = vec![
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            format!("<</Type/Pages/Count {}/Kids[{}]>>", sizes.len(), kids.join(" ")).into_bytes(),
        ];
        for (at, (width, height)) in sizes.iter().enumerate() {
            let content = 4 + 2 * at;
            let page =
                format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 {width} {height}]/Contents {content} 0 R>>");
            let red = u8::from(at == 1);
            let drawn = format!("{red} 0 0 rg 0 0 {} {} re f", width / 2.0, height / 2.0);
            objects.push(page.into_bytes());
            objects.push(stream("", drawn.as_bytes()));
        }
        objects
    }

    /// Size, and the bytes of each pixel.
    fn decoded(png: &Bytes) -> (u32, u32, Vec<Vec<u8>>) {
        let mut reader = png::Decoder::new(io::Cursor::new(png.clone()))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let pixels = pixels.chunks(info.color_type.samples()).map(<[u8]>::to_vec);
        (info.width, info.height, pixels.collect())
    }

    #[test]
    fn a_page_is_drawn_at_its_scale() {
        let page = render(pdf(&[(50.0, 50.0), (100.0, 200.0)]), 2, 2.0).unwrap();
        assert_eq!(page.total_pages, 2);
        let (width, height, pixels) = decoded(&page.png);
        assert_eq!((width, height), (200, 400));
        assert_eq!(pixels[390 * 200 + 10], [255, 0, 0], "lower left");
        assert_eq!(pixels[10 * 200 + 190], [255, 255, 255], "upper right");
    }

    #[test]
    fn a_page_without_colours_takes_a_byte_per_pixel() {
        let page = render(pdf(&[(50.0, 50.0)]), 1, 1.0).unwrap();
        let (_, _, pixels) = decoded(&page.png);
        assert_eq!((&pixels[49 * 50], &pixels[49]), (&vec![0], &vec![255]));
    }

    #[test]
    fn a_huge_or_thin_page_becomes_a_bounded_picture() {
        for size in [
            (14_400.0, 14_400.0),
            (14_400.0, 0.1),
            (1.0, 100_000.0),
            (1e18, 1e18),
        ] {
            let page = render(pdf(&[size]), 1, 5.0).unwrap();
            let (width, height, _) = decoded(&page.png);
            assert!(
                width >= 1 && height >= 1 && width * height <= 8_100_000,
                "{size:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_drawn_says_why() {
        let two = pdf(&[(10.0, 10.0), (10.0, 10.0)]);
        for page in [0, 3] {
            assert_eq!(
                render(two.clone(), page, 1.0),
                Err(PdfPageError::NoSuchPage { page, total_pages: 2 })
            );
        }
        assert_eq!(render(b"hello".to_vec(), 1, 1.0), Err(PdfPageError::NotAPdf));
        assert_eq!(render(Vec::new(), 1, 1.0), Err(PdfPageError::NotAPdf));
        assert_eq!(
            render(b"%PDF-1.4\nnothing".to_vec(), 1, 1.0),
            Err(PdfPageError::Damaged)
        );
        // A user password other than the empty one: nobody knows what hashes to zeros.
        let mut objects = objects(&[(10.0, 10.0)]);
        let (zeros, encrypt) = ("00".repeat(32), objects.len() + 1);
        let entry = format!("<</Filter/Standard/V 1/R 2/P -4/O<{zeros}>/U<{zeros}>>>");
        objects.push(entry.into_bytes());
        let locked = assemble(&objects, &format!("/Encrypt {encrypt} 0 R/ID[<00><00>]"));
        assert_eq!(render(locked, 1, 1.0), Err(PdfPageError::Encrypted));
        for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert!(render(two.clone(), 1, scale).is_err());
        }
    }

    #[test]
    fn an_answer_is_read_as_it_was_written() {
        let page = Ok(RenderedPage {
            png: Bytes::from_static(b"\n\x89PNG"),
            total_pages: 7,
        });
        let none = Err(PdfPageError::Encrypted);
        for rendered in [page, none] {
            let written = answer(rendered.clone()).unwrap();
            assert_eq!(read_answer(written.into()), Some(rendered));
        }
        assert_eq!(read_answer(Bytes::from_static(b"PNG")), None);
    }
}

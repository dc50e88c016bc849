//! Pictures: found by name, format and size in pixels, which stand at the beginning of the file.

use std::fmt::Write;

/// Enough of a picture's beginning to tell its size, also behind a camera's thumbnail and colour profile.
pub const HEADER_BYTES: u64 = 256 * 1024;

/// What a picture is called and how large it is, as text. `beginning` may end anywhere.
pub(super) fn describe(beginning: &[u8], name: &str) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    let mut text = stem.replace(['_', '-'], " ");
    if text.trim().is_empty() {
        name.clone_into(&mut text);
    }
    let (kind, size) = match recognise(beginning) {
        Some((kind, size)) => (kind.to_owned(), size),
        None => (extension.to_uppercase(), None),
    };
    let _written = write!(text, "\n\n{name}, {kind} picture");
    if let Some((width, height)) = size {
        let _written = write!(text, ", {width} × {height} pixels");
    }
    text
}

/// Format and size in pixels.
fn recognise(bytes: &[u8]) -> Option<(&'static str, Option<(u32, u32)>)> {
    let big = |at: usize| Some(u32::from_be_bytes(array(bytes, at)?));
    let little = |at: usize| Some(u32::from(u16::from_le_bytes(array(bytes, at)?)));
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        // PNG §11.2.1: IHDR is the first chunk.
        return Some(("PNG", big(16).zip(big(20))));
    }
    if bytes.starts_with(b"GIF8") {
        return Some(("GIF", little(6).zip(little(8))));
    }
    if bytes.starts_with(b"\xFF\xD8\xFF") {
        return Some(("JPEG", jpeg_size(bytes)));
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Some(("WebP", webp_size(bytes)));
    }
    if bytes.starts_with(b"BM") {
        let size = array(bytes, 18)
            .map(i32::from_le_bytes)
            .zip(array(bytes, 22).map(i32::from_le_bytes))
            .map(|(width, height)| (width.unsigned_abs(), height.unsigned_abs()));
        return Some(("BMP", size));
    }
    if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
        return Some(("TIFF", None));
    }
    None
}

/// ITU-T T.81 §B.2.2: the frame header (SOF) names the size; the segments before it are skipped by their length.
fn jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        while bytes.get(at)? == &0xFF && bytes.get(at + 1)? == &0xFF {
            at += 1;
        }
        if bytes.get(at)? != &0xFF {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        let length = usize::from(u16::from_be_bytes(array(bytes, at + 2)?));
        if matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC) {
            let height = u16::from_be_bytes(array(bytes, at + 5)?);
            let width = u16::from_be_bytes(array(bytes, at + 7)?);
            return Some((width.into(), height.into()));
        }
        at += 2 + length.max(2);
    }
}

/// RFC 9649 §2.5–2.7: the first chunk is lossy, lossless or extended, each with its own way of telling the size.
fn webp_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let three = |at: usize| {
        let [a, b, c] = array(bytes, at)?;
        Some(u32::from_le_bytes([a, b, c, 0]) + 1)
    };
    match bytes.get(12..16)? {
        b"VP8X" => three(24).zip(three(27)),
        b"VP8L" => {
            let bits = u32::from_le_bytes(array(bytes, 21)?);
            Some(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        }
        b"VP8 " => {
            let side = |at| Some(u32::from(u16::from_le_bytes(array(bytes, at)?) & 0x3FFF));
            side(26).zip(side(28))
        }
        _ => None,
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pictures_tell_their_name_format_and_size() {
        for (bytes, name, kind) in [
            (
                &include_bytes!("../../tests/samples/scan.png")[..],
                "scan.png",
                "PNG",
            ),
            (include_bytes!("../../tests/samples/scan.jpg"), "scan.jpg", "JPEG"),
            (include_bytes!("../../tests/samples/scan.gif"), "scan.gif", "GIF"),
            (
                include_bytes!("../../tests/samples/scan.webp"),
                "scan.webp",
                "WebP",
            ),
        ] {
            let text = describe(bytes, &format!("Photos/{name}"));
            assert_eq!(text, format!("scan\n\n{name}, {kind} picture, 300 × 120 pixels"));
        }
    }

    #[test]
    fn a_name_alone_is_text_too() {
        assert_eq!(
            describe(b"", "Hafen_Büsum-2026.heic"),
            "Hafen Büsum 2026\n\nHafen_Büsum-2026.heic, HEIC picture"
        );
        assert_eq!(describe(b"II*\0rest", "a.tif"), "a\n\na.tif, TIFF picture");
    }

    proptest! {
        #[test]
        fn any_beginning_is_described(
            start in prop::sample::select(vec![&b"\xFF\xD8\xFF\xE0"[..], b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\0\0\0\0WEBPVP8X", b"BM", b""]),
            rest in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let text = describe(&[start, &rest].concat(), "a.jpg");
            prop_assert!(text.starts_with("a\n\na.jpg, "));
        }
    }
}

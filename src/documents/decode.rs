//! Bytes → characters.

use super::SkipReason;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{UTF_16BE, UTF_16LE};
use std::borrow::Cow;

/// How many bytes the guess of an encoding looks at.
const DETECTION_WINDOW: usize = 64 * 1024;

/// Decodes by byte order mark, else as UTF-8, else by a guess from the bytes.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, SkipReason> {
    if bytes.is_empty() {
        return Err(SkipReason::Empty);
    }
    // UTF-32's little-endian mark begins with UTF-16's: it goes first.
    if let Some(rest) = bytes.strip_prefix(&[0xFF, 0xFE, 0, 0]) {
        return utf32(rest, u32::from_le_bytes).map(Cow::Owned);
    }
    if let Some(rest) = bytes.strip_prefix(&[0, 0, 0xFE, 0xFF]) {
        return utf32(rest, u32::from_be_bytes).map(Cow::Owned);
    }
    for (mark, encoding) in [([0xFF, 0xFE], UTF_16LE), ([0xFE, 0xFF], UTF_16BE)] {
        if let Some(rest) = bytes.strip_prefix(&mark) {
            let text = encoding
                .decode_without_bom_handling_and_without_replacement(rest)
                .ok_or(SkipReason::Undecodable)?;
            return if is_binary(&text) {
                Err(SkipReason::Binary)
            } else {
                Ok(text)
            };
        }
    }
    let bytes = bytes.strip_prefix(&[0xEF, 0xBB, 0xBF]).unwrap_or(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        return if is_binary(text) {
            Err(SkipReason::Binary)
        } else {
            Ok(Cow::Borrowed(text))
        };
    }
    // Text in a one-byte or East Asian encoding has no NUL; what has one is binary or UTF-16 without a mark, which
    // nothing writes.
    if bytes.contains(&0) {
        return Err(SkipReason::Binary);
    }
    let text = guess(bytes).ok_or(SkipReason::Undecodable)?;
    if is_binary(&text) {
        Err(SkipReason::Binary)
    } else {
        Ok(text)
    }
}

fn guess(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    let window = &bytes[..bytes.len().min(DETECTION_WINDOW)];
    detector.feed(window, window.len() == bytes.len());
    // UTF-8 has failed as a whole.
    let encoding = detector.guess(None, Utf8Detection::Deny);
    encoding.decode_without_bom_handling_and_without_replacement(bytes)
}

fn utf32(bytes: &[u8], unit: fn([u8; 4]) -> u32) -> Result<String, SkipReason> {
    let (units, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(SkipReason::Undecodable);
    }
    let text: Option<String> = units.iter().map(|bytes| char::from_u32(unit(*bytes))).collect();
    let text = text.ok_or(SkipReason::Undecodable)?;
    if is_binary(&text) {
        Err(SkipReason::Binary)
    } else {
        Ok(text)
    }
}

/// More than one control character in 50 means binary; a stray NUL or escape sequence in a log does not.
fn is_binary(text: &str) -> bool {
    let controls = text
        .bytes()
        .filter(|byte| {
            (*byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0B | 0x0C | 0x1B)) || *byte == 0x7F
        })
        .count();
    controls * 50 > text.len()
}

/// `\r\n` and `\r` → `\n`; NUL removed.
pub(super) fn normalise(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\0']) {
        out.push_str(&rest[..at]);
        let cut = if rest.as_bytes()[at] == b'\r' {
            out.push('\n');
            if rest.as_bytes().get(at + 1) == Some(&b'\n') {
                at + 2
            } else {
                at + 1
            }
        } else {
            at + 1
        };
        rest = &rest[cut..];
    }
    out.push_str(rest);
    out
}

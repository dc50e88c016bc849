use super::*;
use proptest::prelude::*;

fn text_of(bytes: &[u8], name: &str) -> Result<String, SkipReason> {
    extract(bytes, None, name).map(|document| document.text)
}

fn utf16(text: &str, unit: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(unit).collect()
}

#[test]
fn byte_order_marks_decide() {
    let text = "Grüße, 世界 🎉";
    let utf32: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let utf32be: Vec<u8> = text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
    for bytes in [
        [b"\xEF\xBB\xBF".to_vec(), text.as_bytes().to_vec()].concat(),
        [b"\xFF\xFE".to_vec(), utf16(text, u16::to_le_bytes)].concat(),
        [b"\xFE\xFF".to_vec(), utf16(text, u16::to_be_bytes)].concat(),
        [b"\xFF\xFE\0\0".to_vec(), utf32].concat(),
        [b"\0\0\xFE\xFF".to_vec(), utf32be].concat(),
        text.as_bytes().to_vec(),
    ] {
        assert_eq!(text_of(&bytes, "a.txt").as_deref(), Ok(text));
    }
}

#[test]
fn older_encodings_are_guessed() {
    let german =
        "Der Käufer übernimmt die Gewähr für größere Schäden; Übergabe und Rückgabe erfolgen schriftlich.";
    let (bytes, _, _) = encoding_rs::WINDOWS_1252.encode(german);
    assert_eq!(text_of(&bytes, "a.txt").as_deref(), Ok(german));
    let japanese = "これは日本語の文章です。検索のための索引を作ります。";
    let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(japanese);
    assert_eq!(text_of(&bytes, "a.txt").as_deref(), Ok(japanese));
}

#[test]
fn line_ends_and_nul_are_normalised() {
    assert_eq!(
        text_of(b"a\r\nb\rc\n\r\nd", "a.txt").as_deref(),
        Ok("a\nb\nc\n\nd")
    );
    let log = format!("{}\0{}", "x".repeat(60), "y".repeat(60));
    assert_eq!(
        text_of(log.as_bytes(), "a.log"),
        Ok("x".repeat(60) + &"y".repeat(60))
    );
}

#[test]
fn bad_files_have_their_reason() {
    assert_eq!(text_of(b"", "a.md"), Err(SkipReason::Empty));
    assert_eq!(text_of(b" \n\t ", "a.md"), Err(SkipReason::Empty));
    assert_eq!(
        text_of(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0", "image.md"),
        Err(SkipReason::Binary)
    );
    assert_eq!(
        text_of(&[1, 2, 3, 4, 5, 6, 7, 8], "a.txt"),
        Err(SkipReason::Binary)
    );
    assert_eq!(
        text_of(b"\xFF\xFE\0\0\0\0\x11\0", "a.txt"),
        Err(SkipReason::Undecodable)
    );
    assert_eq!(text_of(b"%PDF-1.7", "a.pdf"), Err(SkipReason::Malformed));
    assert_eq!(text_of(b"PK", "a.zip"), Err(SkipReason::Unsupported));
}

#[test]
fn html_becomes_markdown_without_scripts() {
    let page =
        b"<html><head><title>T</title><style>p{}</style></head><body><h1>Plan</h1><p>First <b>step</b>.\
        <script>alert(1)</script></p><ul><li>one<li>two</ul></body></html>";
    let document = extract(page, Some("text/html"), "page").unwrap();
    assert!(document.markdown);
    assert!(document.text.contains("# Plan"), "{}", document.text);
    assert!(document.text.contains("**step**"), "{}", document.text);
    assert!(
        !document.text.contains("alert") && !document.text.contains("p{}"),
        "{}",
        document.text
    );
}

#[test]
fn deeply_nested_html_is_refused() {
    let bomb = "<div>".repeat(200_000);
    assert_eq!(text_of(bomb.as_bytes(), "a.html"), Err(SkipReason::Malformed));
    let deep = format!("{}text{}", "<div>".repeat(900), "</div>".repeat(900));
    assert_eq!(text_of(deep.as_bytes(), "a.html").as_deref(), Ok("text"));
}

proptest! {
    #[test]
    fn any_bytes_are_text_or_a_reason(bytes in proptest::collection::vec(any::<u8>(), 0..600), html in any::<bool>()) {
        if let Ok(text) = text_of(&bytes, if html { "a.html" } else { "a.txt" }) {
            prop_assert!(!text.contains(['\0', '\r']));
            prop_assert!(!text.trim().is_empty());
        }
    }

    #[test]
    fn every_unicode_text_survives(text in "[^\\x00-\\x1F\\x7F\u{FEFF}]{0,80}[a-zé世🎉]") {
        let little = [b"\xFF\xFE".to_vec(), utf16(&text, u16::to_le_bytes)].concat();
        prop_assert_eq!(text_of(text.as_bytes(), "a.txt"), Ok(text.clone()));
        prop_assert_eq!(text_of(&little, "a.txt"), Ok(text));
    }
}

//! What becomes of a file of each format, and of damaged ones.

use super::*;
use proptest::prelude::*;

macro_rules! sample {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../tests/samples/", $name)) as &[u8],
        )
    };
}

const INTRO: &str = "Die Fähre nach Helgoland fährt täglich; Änderungen „vorbehalten“.";
const LIST: &str = "- Schwimmwesten prüfen\n- Öl nachfüllen\n- Gäste begrüßen";
const TABLE: &str = "| Hafen | Abfahrt |\n| --- | --- |\n| Büsum | 09:30 |\n| Cuxhaven | 10:15 |";
const NOTE: &str = "Der Kapitän heißt Jörg.";

fn read((name, bytes): (&str, &[u8])) -> ExtractedText {
    let text = extract(bytes, None, name).unwrap();
    assert!(!text.text.contains(['\r', '\0']));
    text
}

#[track_caller]
fn assert_holds(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in\n{text}");
    }
}

#[test]
fn word_documents_keep_headings_lists_and_tables() {
    for sample in [sample!("ferry.docx"), sample!("ferry.odt")] {
        let document = read(sample);
        assert!(document.markdown && document.pages.is_none());
        assert_holds(
            &document.text,
            &[
                "# Fährplan für Übersee\n",
                INTRO,
                "## Aufgaben\n",
                LIST,
                TABLE,
                NOTE,
            ],
        );
    }
    assert_holds(&read(sample!("ferry.docx")).text, &["**fett gedruckt**"]);
}

#[test]
fn sheets_become_tables_under_their_names() {
    let book = read(sample!("ferry.xlsx")).text;
    assert_holds(
        &book,
        &[
            "## Abfahrten\n",
            TABLE,
            "## Gäste\n",
            "| Name | Zahl |\n| --- | --- |\n| Jörg | 3 |\n| Zoë | 4 |",
        ],
    );
    assert_holds(&read(sample!("ferry.ods")).text, &["## Abfahrten\n", TABLE]);
}

#[test]
fn slides_are_pages_and_have_their_notes() {
    for sample in [sample!("ferry.pptx"), sample!("ferry.odp")] {
        let deck = read(sample);
        assert_holds(
            &deck.text,
            &[
                "# Fährplan für Übersee\n",
                "Schwimmwesten prüfen",
                "Öl nachfüllen",
                NOTE,
                TABLE,
            ],
        );
        let pages = deck.pages.unwrap();
        assert_eq!(pages.count(), 2, "{}", sample.0);
        let (note, harbour) = (deck.text.find(NOTE).unwrap(), deck.text.find("Cuxhaven").unwrap());
        let page_at = |byte: usize| {
            let point = deck.text[..byte].chars().count();
            pages.page_of(point, point + 3)
        };
        assert_eq!((page_at(note), page_at(harbour)), (1, 2), "{}", deck.text);
    }
    assert_holds(&read(sample!("ferry.odp")).text, &[LIST]);
}

#[test]
fn books_keep_their_chapters_in_order() {
    let book = read(sample!("ferry.epub")).text;
    assert_holds(
        &book,
        &["# Fährplan für Übersee\n", INTRO, LIST, "## Häfen\n", NOTE],
    );
    assert_holds(
        &book,
        &["[Webseite](https://example.org/faehre)", "| Cuxhaven | 10:15"],
    );
    assert!(book.find(INTRO) < book.find(NOTE));
}

#[test]
fn rich_text_keeps_its_tables() {
    let letter = read(sample!("ferry.rtf")).text;
    assert_holds(
        &letter,
        &["Fährplan für Übersee", INTRO, "Öl nachfüllen", TABLE, NOTE],
    );
}

#[test]
fn mails_tell_who_wrote_and_what_is_attached() {
    let mail = read(sample!("ferry.eml")).text;
    assert_holds(
        &mail,
        &[
            "# Fährplan für Übersee\n",
            "Jörg",
            "joerg@example.org",
            "zoe@example.org",
            "häfen.csv",
            INTRO,
            LIST,
            NOTE,
        ],
    );
    assert!(!mail.contains("a;b"), "attachments are named, not read");
}

#[test]
fn mails_in_html_only_are_read_as_markdown() {
    let mail = b"Subject: Plan\r\nFrom: a@example.org\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
        <h2>Heute</h2><ul><li>eins</li></ul><script>no()</script>";
    let text = extract(mail, Some("message/rfc822"), "x").unwrap().text;
    assert_holds(&text, &["# Plan\n", "## Heute"]);
    assert!(!text.contains("no()"), "{text}");
}

#[test]
fn pdfs_have_pages_headings_lists_and_tables() {
    for sample in [sample!("ferry.pdf"), sample!("owner-password.pdf")] {
        let document = read(sample);
        assert_holds(
            &document.text,
            &[
                "# Fährplan für Übersee\n\n",
                INTRO,
                "Die Dampfschifffahrtsgesellschaft bittet um Geduld.",
                "## Aufgaben\n",
                LIST,
                "## Häfen\n",
                TABLE,
                NOTE,
            ],
        );
        let pages = document.pages.unwrap();
        assert_eq!(pages.count(), 3);
        for (word, page) in [("Aufgaben", 1), ("Cuxhaven", 2), ("Rückkehr", 3)] {
            let at = document.text[..document.text.find(word).unwrap()].chars().count();
            assert_eq!(pages.page_of(at, at + word.len()), page, "{word}");
        }
    }
}

#[test]
fn n01_what_has_no_text_says_why() {
    for (sample, reason) in [
        (sample!("scanned.pdf"), SkipReason::NoTextLayer),
        (sample!("encrypted.pdf"), SkipReason::Encrypted),
        (sample!("encrypted.docx"), SkipReason::Encrypted),
    ] {
        assert_eq!(extract(sample.1, None, sample.0), Err(reason), "{}", sample.0);
    }
    let password = zip_with_encryption_bit();
    assert_eq!(extract(&password, None, "a.docx"), Err(SkipReason::Encrypted));
}

/// An archive whose only part is marked as encrypted (general purpose bit 0).
fn zip_with_encryption_bit() -> Vec<u8> {
    use std::io::Write;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    writer.start_file("word/document.xml", options).unwrap();
    writer.write_all(b"<w/>").unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    let central = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    bytes[6] |= 1;
    bytes[central + 8] |= 1;
    bytes
}

const ALL: [(&str, &[u8]); 11] = [
    sample!("ferry.docx"),
    sample!("ferry.xlsx"),
    sample!("ferry.pptx"),
    sample!("ferry.odt"),
    sample!("ferry.ods"),
    sample!("ferry.odp"),
    sample!("ferry.epub"),
    sample!("ferry.rtf"),
    sample!("ferry.eml"),
    sample!("ferry.pdf"),
    sample!("scanned.pdf"),
];

#[test]
fn n01_empty_truncated_and_mistaken_files_have_their_reason() {
    for (name, bytes) in ALL {
        assert_eq!(extract(b"", None, name), Err(SkipReason::Empty), "{name}");
        for part in [1, bytes.len() / 3, bytes.len() / 2, bytes.len() - 20] {
            // A mail or letter that is cut is still one; nothing may panic or hang.
            if let Err(reason) = extract(&bytes[..part], None, name) {
                assert_ne!(reason, SkipReason::Unsupported, "{name}");
            }
        }
        for (other, _) in ALL {
            let _reason = extract(bytes, None, other);
        }
        // A binary that is called text.
        if bytes.starts_with(b"PK") {
            let called_text = extract(bytes, None, "a.md");
            assert!(called_text.is_err(), "{name} {called_text:?}");
        }
    }
}

#[test]
fn n01_a_pdf_of_very_many_pages_is_read_in_one_pass() {
    // Reading page by page would take hours.
    let pages = 100_000;
    let text = extract(&many_pages(pages), None, "a.pdf").unwrap();
    assert_eq!(text.pages.unwrap().count(), pages);
    assert!(text.text.starts_with("Seite") && text.text.len() > pages * 5);
}

/// A PDF of `count` pages that share one content.
fn many_pages(count: usize) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    let stream = "BT /F1 12 Tf 72 700 Td (Seite) Tj ET";
    let kids: Vec<String> = (0..count).map(|page| format!("{} 0 R", page + 5)).collect();
    let mut objects = vec![
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        format!(
            "<< /Type /Pages /Count {count} /Kids [{}] /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> >>",
            kids.join(" ")
        ),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{stream}\nendstream", stream.len()),
    ];
    objects.extend((0..count).map(|_| "<< /Type /Page /Parent 2 0 R /Contents 4 0 R >>".to_owned()));
    for (index, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", index + 1).as_bytes());
    }
    let start = out.len();
    out.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for offset in offsets {
        out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let trailer = format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    );
    out.extend_from_slice(trailer.as_bytes());
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn n02_damaged_files_are_text_or_a_reason(
        which in 0..ALL.len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
    ) {
        let (name, bytes) = ALL[which];
        let mut bytes = bytes.to_vec();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(document) = extract(&bytes, None, name) {
            prop_assert!(!document.text.contains(['\0', '\r']));
            let length = document.text.chars().count();
            if let Some(pages) = document.pages {
                let starts: Vec<usize> = pages.clone().into();
                prop_assert!(starts.iter().all(|start| *start <= length));
                prop_assert!((1..=pages.count()).contains(&pages.page_of(0, length)));
            }
            let json = serde_json::to_string(&document.text).unwrap();
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), document.text);
        }
    }

    #[test]
    fn n02_page_offsets_survive_the_way_through_json(pages in proptest::collection::vec("[a-zä🎉 ]{0,9}", 0..6)) {
        let (text, pages) = Pages::join(&pages);
        let document = ExtractedText { text, markdown: true, pages: Some(pages) };
        let answer: Result<ExtractedText, SkipReason> = Ok(document);
        let json = serde_json::to_vec(&answer).unwrap();
        prop_assert_eq!(serde_json::from_slice::<Result<ExtractedText, SkipReason>>(&json).unwrap(), answer);
    }
}

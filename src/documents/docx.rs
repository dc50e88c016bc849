//! Lists of Word documents that come from a style.
//!
//! A paragraph is an item of a list when its properties hold `w:numPr`, or when those of its style do (ECMA-376 part 1
//! §17.9.18, §17.7.4.14). The reader of documents knows the first only, so the second is written out before.

use super::container::{Archive, text_part};
use super::{SkipReason, container};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

const DOCUMENT: &str = "word/document.xml";

/// Styles that a style may be based on, one on the other.
const MAX_BASES: usize = 16;

/// The same document, in which paragraphs of list styles are items of lists.
///
/// # Errors
/// [`SkipReason::TooLargeInside`], [`SkipReason::Encrypted`] or [`SkipReason::Malformed`].
pub(super) fn with_list_items(bytes: &[u8]) -> Result<Cow<'_, [u8]>, SkipReason> {
    let mut archive = container::open(bytes)?;
    let lists = match text_part(&mut archive, "word/styles.xml") {
        Ok(styles) => list_styles(&styles),
        Err(_without) => HashMap::new(),
    };
    if lists.is_empty() {
        return Ok(Cow::Borrowed(bytes));
    }
    let document = text_part(&mut archive, DOCUMENT)?;
    match written_out(&document, &lists) {
        Some(document) => repacked(archive, &document).map(Cow::Owned),
        None => Ok(Cow::Borrowed(bytes)),
    }
}

/// A list and the level in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Numbering {
    list: String,
    level: String,
}

/// The styles that make items of lists, by their id.
fn list_styles(styles: &str) -> HashMap<String, Numbering> {
    let mut own: HashMap<String, (Option<Numbering>, Option<String>)> = HashMap::new();
    let mut reader = Reader::from_str(styles);
    let mut style: Option<String> = None;
    let mut level = String::new();
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                "w:style" => {
                    style = attribute(&element, "w:styleId");
                    "0".clone_into(&mut level);
                }
                "w:basedOn" => {
                    if let Some(style) = &style {
                        own.entry(style.clone()).or_default().1 = attribute(&element, "w:val");
                    }
                }
                "w:ilvl" => level = number(&element).unwrap_or_default(),
                "w:numId" => {
                    if let (Some(style), Some(list)) = (&style, number(&element)) {
                        let level = level.clone();
                        own.entry(style.clone()).or_default().0 = Some(Numbering { list, level });
                    }
                }
                _ => {}
            },
            Event::Eof => break,
            _ => {}
        }
    }
    let of = |style: &String| {
        let mut style = style;
        for _ in 0..MAX_BASES {
            let (numbering, base) = own.get(style)?;
            if numbering.is_some() {
                // List 0 takes a paragraph out of the list of its base (§17.9.18).
                return numbering.clone().filter(|numbering| numbering.list != "0");
            }
            style = base.as_ref()?;
        }
        None
    };
    own.keys()
        .filter_map(|style| Some((style.clone(), of(style)?)))
        .collect()
}

/// The document with `w:numPr` in the paragraphs of list styles; `None` when there are none.
fn written_out(document: &str, lists: &HashMap<String, Numbering>) -> Option<String> {
    let mut reader = Reader::from_str(document);
    let mut insertions: Vec<(usize, &Numbering)> = Vec::new();
    let mut pending: Option<(usize, &Numbering)> = None;
    loop {
        match reader.read_event().ok()? {
            Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                "w:pPr" | "w:numPr" => pending = None,
                "w:pStyle" => {
                    let end = usize::try_from(reader.buffer_position()).ok()?;
                    let style = attribute(&element, "w:val").unwrap_or_default();
                    pending = lists.get(&style).map(|numbering| (end, numbering));
                }
                _ => {}
            },
            Event::End(element) if element.name().as_ref() == "w:pPr" => insertions.extend(pending.take()),
            Event::Eof => break,
            _ => {}
        }
    }
    if insertions.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(document.len() + insertions.len() * 80);
    let mut copied = 0;
    for (at, Numbering { list, level }) in insertions {
        out.push_str(document.get(copied..at)?);
        out.push_str("<w:numPr><w:ilvl w:val=\"");
        out.push_str(level);
        out.push_str("\"/><w:numId w:val=\"");
        out.push_str(list);
        out.push_str("\"/></w:numPr>");
        copied = at;
    }
    out.push_str(document.get(copied..)?);
    Some(out)
}

/// The archive with another document; everything else is copied as it is.
fn repacked(mut archive: Archive<'_>, document: &str) -> Result<Vec<u8>, SkipReason> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut repack = || -> zip::result::ZipResult<()> {
        for index in 0..archive.len() {
            let part = archive.by_index_raw(index)?;
            if part.name() != DOCUMENT {
                writer.raw_copy_file(part)?;
            }
        }
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file(DOCUMENT, stored)?;
        writer.write_all(document.as_bytes())?;
        Ok(())
    };
    repack().map_err(|_broken| SkipReason::Malformed)?;
    let packed = writer.finish().map_err(|_broken| SkipReason::Malformed)?;
    Ok(packed.into_inner())
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    Some(attribute.value.into_owned())
}

/// The value, where it is a number: it is written into XML again.
fn number(element: &BytesStart<'_>) -> Option<String> {
    attribute(element, "w:val")
        .filter(|value| !value.is_empty() && value.len() < 10 && value.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLES: &str = r#"<w:styles><w:style w:styleId="Plain"/><w:style w:styleId="List"><w:pPr><w:numPr><w:ilvl w:val="1"/>
        <w:numId w:val="7"/></w:numPr></w:pPr></w:style><w:style w:styleId="Mine"><w:basedOn w:val="List"/></w:style>
        <w:style w:styleId="Out"><w:basedOn w:val="List"/><w:pPr><w:numPr><w:numId w:val="0"/></w:numPr></w:pPr></w:style>
        <w:style w:styleId="Loop"><w:basedOn w:val="Loop"/></w:style></w:styles>"#;

    #[test]
    fn styles_hand_their_lists_down() {
        let lists = list_styles(STYLES);
        let seven = Numbering {
            list: "7".into(),
            level: "1".into(),
        };
        assert_eq!(
            (lists.get("List"), lists.get("Mine")),
            (Some(&seven), Some(&seven))
        );
        assert_eq!(lists.len(), 2, "{lists:?}");
    }

    #[test]
    fn a_paragraph_of_a_list_style_becomes_an_item_unless_it_says_so_itself() {
        let document = r#"<w:p><w:pPr><w:pStyle w:val="Mine"/></w:pPr></w:p><w:p><w:pPr><w:pStyle w:val="Mine"/><w:numPr/></w:pPr></w:p>
            <w:p><w:pPr><w:pStyle w:val="Plain"/></w:pPr></w:p>"#;
        let written = written_out(document, &list_styles(STYLES)).unwrap();
        assert!(written.starts_with(
            r#"<w:p><w:pPr><w:pStyle w:val="Mine"/><w:numPr><w:ilvl w:val="1"/><w:numId w:val="7"/></w:numPr></w:pPr>"#
        ));
        assert_eq!(written.matches("<w:numPr>").count(), 1);
        assert_eq!(written_out("<w:p/>", &list_styles(STYLES)), None);
    }
}

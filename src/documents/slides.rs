//! `OpenDocument` presentations → Markdown, slide by slide (`OpenDocument` 1.3 part 3, `content.xml`).

use super::{Pages, SkipReason, container, decode};
use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Elements are nested less deeply in any slide that people draw.
const MAX_DEPTH: usize = 256;

/// The text of all slides, and where they begin.
///
/// # Errors
/// [`SkipReason::TooLargeInside`], [`SkipReason::Encrypted`] or [`SkipReason::Malformed`].
pub(super) fn to_markdown(bytes: &[u8]) -> Result<(String, Pages), SkipReason> {
    let mut archive = container::open(bytes)?;
    let content = container::text_part(&mut archive, "content.xml")?;
    let slides: Vec<String> = slides(&content)?
        .iter()
        .map(|slide| decode::normalise(slide))
        .collect();
    Ok(Pages::join(&slides))
}

fn slides(content: &str) -> Result<Vec<String>, SkipReason> {
    let mut reader = Reader::from_str(content);
    let mut slides = Slides::default();
    loop {
        match reader.read_event().map_err(|_broken| SkipReason::Malformed)? {
            Event::Start(element) => slides.start(&element)?,
            Event::Empty(element) => {
                slides.start(&element)?;
                slides.end(element.name().as_ref());
            }
            Event::End(element) => slides.end(element.name().as_ref()),
            Event::Text(text) => slides.text(&text),
            Event::CData(text) => slides.text(&text),
            Event::GeneralRef(reference) => slides.reference(&reference),
            Event::Eof if slides.depth == 0 => return Ok(slides.done),
            Event::Eof => return Err(SkipReason::Malformed),
            _ => {}
        }
    }
}

#[derive(Default)]
struct Slides {
    done: Vec<String>,
    depth: usize,
    in_slide: bool,
    /// Lists around the current place.
    lists: usize,
    /// In a frame that holds the slide's title.
    in_title: bool,
    /// Rows of the current table.
    rows: Option<Vec<Vec<String>>>,
    /// The current paragraph.
    paragraph: Option<String>,
}

impl Slides {
    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), SkipReason> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SkipReason::Malformed);
        }
        match element.name().as_ref() {
            "draw:page" => {
                self.in_slide = true;
                self.done.push(String::new());
            }
            "draw:frame" => {
                self.in_title = attribute(element, "presentation:class").as_deref() == Some("title");
            }
            "presentation:notes" => self.block("Notes:"),
            "text:list" => self.lists += 1,
            "table:table" => self.rows = Some(Vec::new()),
            "table:table-row" => {
                if let Some(rows) = &mut self.rows {
                    rows.push(Vec::new());
                }
            }
            "table:table-cell" => {
                if let Some(row) = self.rows.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(String::new());
                }
            }
            "text:p" | "text:h" if self.in_slide => self.paragraph = Some(String::new()),
            "text:s" => {
                let count = attribute(element, "text:c").and_then(|count| count.parse().ok());
                self.text(&" ".repeat(count.unwrap_or(1_usize).min(80)));
            }
            "text:ta" => self.text("\t"),
            "text:line-break" => self.text("\n"),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str) {
        self.depth = self.depth.saturating_sub(1);
        match name {
            "draw:page" => self.in_slide = false,
            "draw:frame" => self.in_title = false,
            "text:list" => self.lists = self.lists.saturating_sub(1),
            "table:table" => {
                if let Some(rows) = self.rows.take() {
                    self.block(&table(&rows));
                }
            }
            "text:p" | "text:h" => {
                if let Some(text) = self.paragraph.take() {
                    self.paragraph_ended(text.trim());
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(paragraph) = &mut self.paragraph {
            paragraph.push_str(text);
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>) {
        if let Ok(Some(character)) = reference.resolve_char_ref() {
            self.text(character.encode_utf8(&mut [0; 4]));
        } else if let Some(text) = resolve_predefined_entity(reference) {
            self.text(text);
        }
    }

    fn paragraph_ended(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if let Some(rows) = &mut self.rows {
            if let Some(cell) = rows.last_mut().and_then(|row| row.last_mut()) {
                if !cell.is_empty() {
                    cell.push(' ');
                }
                cell.push_str(&text.replace('\n', " ").replace('|', "\\|"));
            }
        } else if self.in_title {
            self.block(&format!("## {}", text.replace('\n', " ")));
        } else if self.lists > 0 {
            let item = format!("{}- {text}", "  ".repeat(self.lists - 1));
            if let Some(slide) = self.done.last_mut() {
                let goes_on = slide
                    .lines()
                    .last()
                    .is_some_and(|line| line.trim_start().starts_with("- "));
                slide.push_str(if goes_on { "\n" } else { "\n\n" });
                slide.push_str(&item);
            }
        } else {
            self.block(text);
        }
    }

    fn block(&mut self, text: &str) {
        if let Some(slide) = self.done.last_mut().filter(|_| !text.is_empty()) {
            slide.push_str("\n\n");
            slide.push_str(text);
        }
    }
}

/// Rows as a Markdown table; the first one is its head.
fn table(rows: &[Vec<String>]) -> String {
    let width = rows.iter().map(Vec::len).max().unwrap_or_default();
    let mut lines = Vec::with_capacity(rows.len() + 1);
    for (index, row) in rows.iter().filter(|row| !row.is_empty()).enumerate() {
        let mut cells: Vec<&str> = row.iter().map(String::as_str).collect();
        cells.resize(width, "");
        lines.push(format!("| {} |", cells.join(" | ")));
        if index == 0 {
            lines.push(format!("|{}", " --- |".repeat(width)));
        }
    }
    lines.join("\n")
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.try_get_attribute(name).ok()??;
    Some(attribute.value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_blanks_and_nested_lists_are_read() {
        let content = r#"<o><draw:page><draw:frame presentation:class="title"><text:p>A &amp; B<text:s text:c="2"/>&#xE4;</text:p></draw:frame>
            <text:list><text:list-item><text:p>one</text:p><text:list><text:list-item><text:p>two</text:p></text:list-item></text:list>
            </text:list-item></text:list></draw:page><draw:page/></o>"#;
        let slides = slides(content).unwrap();
        assert_eq!(slides, ["\n\n## A & B  ä\n\n- one\n  - two", ""]);
    }

    #[test]
    fn n01_depth_is_bounded_and_what_breaks_off_is_malformed() {
        let bomb = "<draw:page>".repeat(300);
        assert_eq!(slides(&bomb), Err(SkipReason::Malformed));
        assert_eq!(slides("<draw:page><text:p>cut"), Err(SkipReason::Malformed));
    }
}

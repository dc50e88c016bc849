//! Characters at positions → lines of cells.

use pdf_extract::{MediaBox, OutputDev, OutputError, Transform};

/// A baseline this far from the last one, in font sizes, is another line; less is a raised or lowered character.
const NEW_LINE: f64 = 0.5;

/// A gap this wide, in font sizes, is a space between words.
const SPACE: f64 = 0.15;

/// A gap this wide, in font sizes, may be a border between two columns: lines below must agree.
const COLUMN: f64 = 0.9;

/// Pieces of a line that stand apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Left and right edge, in points.
    pub(super) left: f64,
    pub(super) right: f64,
}

/// Characters on one baseline.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Line {
    pub(super) cells: Vec<Cell>,
    /// Height of the largest character, in points.
    pub(super) size: f64,
    /// Distance from the line before, in font sizes; infinite at the start of a page.
    pub(super) gap: f64,
}

impl Line {
    /// All cells with a space between them.
    pub(super) fn text(&self) -> String {
        let cells: Vec<&str> = self.cells.iter().map(|cell| cell.text.trim()).collect();
        cells.join(" ").trim().to_owned()
    }
}

/// Receives the characters of a document in the order in which they are drawn.
#[derive(Debug, Default)]
pub(super) struct Collector {
    pages: Vec<Vec<Line>>,
    line: Line,
    /// Baseline and end of the last character of the line.
    last: Option<(f64, f64)>,
    word_begins: bool,
}

impl Collector {
    /// Pages that were begun.
    pub(super) fn begun(&self) -> usize {
        self.pages.len()
    }

    /// Leaves what was read of `page`; pages that were not even begun are empty.
    pub(super) fn skip_to(&mut self, page: usize) {
        self.end_line();
        self.last = None;
        self.pages.resize_with(page.max(self.pages.len()), Vec::new);
    }

    /// The lines of `total` pages.
    pub(super) fn finish(mut self, total: usize) -> Vec<Vec<Line>> {
        self.skip_to(total);
        self.pages
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.cells.iter().any(|cell| !cell.text.trim().is_empty())
            && let Some(page) = self.pages.last_mut()
        {
            page.push(line);
        }
    }

    fn begin_line(&mut self, gap: f64) {
        self.end_line();
        self.line = Line {
            gap,
            ..Line::default()
        };
    }
}

impl OutputDev for Collector {
    fn begin_page(
        &mut self,
        page: u32,
        _: &MediaBox,
        _: Option<(f64, f64, f64, f64)>,
    ) -> Result<(), OutputError> {
        let page = usize::try_from(page).unwrap_or(usize::MAX);
        // Pages come in order; one that comes twice would only be appended to.
        self.skip_to(page.min(self.pages.len() + 1));
        self.begin_line(f64::INFINITY);
        Ok(())
    }

    fn end_page(&mut self) -> Result<(), OutputError> {
        self.end_line();
        self.last = None;
        Ok(())
    }

    fn output_character(
        &mut self,
        place: &Transform,
        width: f64,
        _spacing: f64,
        font_size: f64,
        character: &str,
    ) -> Result<(), OutputError> {
        let size = font_size.abs() * (place.m11 * place.m22 - place.m12 * place.m21).abs().sqrt();
        let (x, y) = (place.m31, place.m32);
        let end = x + width * font_size.abs() * place.m11.hypot(place.m12);
        if !(size.is_finite() && size > 0.0 && x.is_finite() && y.is_finite() && end.is_finite()) {
            return Ok(());
        }
        match self.last {
            Some((baseline, last_end)) => {
                let down = (baseline - y).abs() / size;
                let back = x < last_end - size;
                if down > NEW_LINE || back {
                    self.begin_line(down);
                } else if self.word_begins {
                    let gap = (x - last_end) / size;
                    if gap > COLUMN {
                        self.line.cells.push(Cell {
                            left: x,
                            ..Cell::default()
                        });
                    } else if gap > SPACE
                        && let Some(cell) = self.line.cells.last_mut()
                        && !cell.text.ends_with(' ')
                    {
                        cell.text.push(' ');
                    }
                }
            }
            None => self.line.gap = f64::INFINITY,
        }
        if self.line.cells.is_empty() {
            self.line.cells.push(Cell {
                left: x,
                ..Cell::default()
            });
        }
        if let Some(cell) = self.line.cells.last_mut() {
            push(&mut cell.text, character);
            cell.right = end;
        }
        if !character.trim().is_empty() {
            self.line.size = self.line.size.max(size);
        }
        // A raised character is no new baseline.
        let baseline =
            match self.last {
                Some((baseline, _))
                    if (baseline - y).abs() / size <= NEW_LINE && !self.line.cells.is_empty() =>
                {
                    if self.line.size > size * 1.05 { baseline } else { y }
                }
                _ => y,
            };
        self.last = Some((baseline, end));
        self.word_begins = false;
        Ok(())
    }

    fn begin_word(&mut self) -> Result<(), OutputError> {
        self.word_begins = true;
        Ok(())
    }

    fn end_word(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), OutputError> {
        Ok(())
    }
}

/// Appends a character as a reader would type it: ligatures taken apart, fancy blanks plain, control characters gone.
fn push(text: &mut String, character: &str) {
    for c in character.chars() {
        match c {
            '\u{FB00}' => text.push_str("ff"),
            '\u{FB01}' => text.push_str("fi"),
            '\u{FB02}' => text.push_str("fl"),
            '\u{FB03}' => text.push_str("ffi"),
            '\u{FB04}' => text.push_str("ffl"),
            '\u{FB05}' | '\u{FB06}' => text.push_str("st"),
            c if c.is_whitespace() => {
                if !text.ends_with(' ') {
                    text.push(' ');
                }
            }
            c if c.is_control() => {}
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ligatures_and_blanks_are_written_plainly() {
        let mut text = String::new();
        for piece in ["Schi\u{FB00}", "\u{A0}", "\u{2003}", "\u{FB01}x", "\0\u{7F}"] {
            push(&mut text, piece);
        }
        assert_eq!(text, "Schiff fix");
    }
}

//! Lines of cells → Markdown.

use super::lines::{Cell, Line};
use std::collections::BTreeMap;

/// A line so much larger than the body is a heading.
const HEADING: f64 = 1.15;

/// Headings are not longer, in code points.
const MAX_HEADING: usize = 200;

/// Levels of headings that are told apart.
const MAX_LEVELS: usize = 3;

/// Lines this far apart, in font sizes, do not belong to one paragraph.
const PARAGRAPH: f64 = 1.6;

/// Edges of cells of one column differ by less, in font sizes.
const ALIGNED: f64 = 0.6;

const BULLETS: [char; 10] = ['•', '◦', '▪', '▫', '‣', '●', '○', '■', '□', '\u{F0B7}'];

/// Words before which a hyphen at the end of a line is one that the text has.
const JOINING: [&str; 6] = ["und", "oder", "bis", "and", "or", "to"];

/// The pages as Markdown.
pub(super) fn markdown(pages: &[Vec<Line>]) -> Vec<String> {
    let levels = Levels::of(pages);
    pages.iter().map(|page| self::page(page, &levels)).collect()
}

fn page(lines: &[Line], levels: &Levels) -> String {
    let mut out = Page::default();
    let mut rest = lines;
    while let Some((line, after)) = rest.split_first() {
        let rows = table_rows(rest);
        if rows > 1 {
            out.table(&rest[..rows]);
            rest = &rest[rows..];
            continue;
        }
        match (levels.level(line), list_item(line)) {
            (_, Some(item)) => out.item(&item),
            (Some(level), None) => out.heading(level, line),
            (None, None) => out.text(line),
        }
        rest = after;
    }
    out.text
}

/// What the last line was.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
enum Kind {
    #[default]
    Nothing,
    Heading(usize),
    Item,
    Text,
    Table,
}

#[derive(Default)]
struct Page {
    text: String,
    last: Kind,
    last_size: f64,
}

impl Page {
    /// Ends a block with an empty line.
    fn block(&mut self) {
        if !self.text.is_empty() {
            self.text.push_str("\n\n");
        }
    }

    fn heading(&mut self, level: usize, line: &Line) {
        // A heading of two lines is one.
        if self.last == Kind::Heading(level) && line.gap < PARAGRAPH {
            self.append(&line.text());
        } else {
            self.block();
            self.text.push_str(&"#".repeat(level));
            self.text.push(' ');
            self.text.push_str(&line.text());
        }
        self.last = Kind::Heading(level);
    }

    fn item(&mut self, item: &str) {
        if self.last == Kind::Item {
            self.text.push('\n');
        } else {
            self.block();
        }
        self.text.push_str(item);
        (self.last, self.last_size) = (Kind::Item, 0.0);
    }

    fn text(&mut self, line: &Line) {
        let text = line.text();
        let same_size = self.last_size == 0.0 || (line.size - self.last_size).abs() < 0.5;
        let goes_on = matches!(self.last, Kind::Text | Kind::Item) && line.gap < PARAGRAPH && same_size;
        if goes_on {
            self.append(&text);
        } else {
            self.block();
            if text.starts_with('#') {
                // No heading, although it looks like one in Markdown.
                self.text.push('\\');
            }
            self.text.push_str(&text);
            self.last = Kind::Text;
        }
        self.last_size = line.size;
    }

    /// Goes on with the paragraph; a word that was divided at the end of the line becomes whole.
    fn append(&mut self, text: &str) {
        let first = text.split(' ').next().unwrap_or_default();
        if self.text.ends_with('\u{AD}') {
            self.text.pop();
        } else if self.text.ends_with(['-', '\u{2010}']) {
            let before = self.text.chars().rev().nth(1);
            let is_divided = before.is_some_and(char::is_lowercase)
                && first.starts_with(char::is_lowercase)
                && !JOINING.contains(&first);
            if is_divided {
                self.text.pop();
            } else {
                self.text.push(' ');
            }
        } else {
            // Markdown reads a single line end as a blank; so does whoever looks for a phrase.
            self.text.push(' ');
        }
        self.text.push_str(text);
    }

    fn table(&mut self, rows: &[Line]) {
        self.block();
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                self.text.push('\n');
            }
            let cells: Vec<String> = row
                .cells
                .iter()
                .map(|cell| cell.text.trim().replace('|', "\\|"))
                .collect();
            self.text.extend(["| ", &cells.join(" | "), " |"]);
            if index == 0 {
                self.text.extend(["\n|", &" --- |".repeat(cells.len())]);
            }
        }
        self.last = Kind::Table;
    }
}

/// How many lines from the first one on are rows of one table: the same number of cells, one below the other.
fn table_rows(lines: &[Line]) -> usize {
    let Some(first) = lines
        .first()
        .filter(|line| line.cells.len() > 1 && list_item(line).is_none())
    else {
        return 0;
    };
    1 + lines[1..]
        .iter()
        .take_while(|line| {
            line.cells.len() == first.cells.len()
                && line
                    .cells
                    .iter()
                    .zip(&first.cells)
                    .all(|(cell, above)| aligned(cell, above, line.size))
        })
        .count()
}

/// Left, right or centred below one another.
fn aligned(cell: &Cell, above: &Cell, size: f64) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() < ALIGNED * size;
    near(cell.left, above.left)
        || near(cell.right, above.right)
        || near(
            f64::midpoint(cell.left, cell.right),
            f64::midpoint(above.left, above.right),
        )
}

/// A line that begins with a bullet or a number, as an item of a list.
fn list_item(line: &Line) -> Option<String> {
    let text = line.text();
    if let Some(rest) = text.strip_prefix(BULLETS) {
        let rest = rest.trim_start();
        return (!rest.is_empty()).then(|| format!("- {rest}"));
    }
    // "1." with its text apart; in running text a number is only a number.
    let first = line.cells.first().filter(|_| line.cells.len() == 2)?.text.trim();
    let number = first.strip_suffix(['.', ')'])?;
    let is_number = (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| format!("{number}. {}", line.cells[1].text.trim()))
}

/// Which sizes are headings.
struct Levels {
    /// In half points, the largest first.
    sizes: Vec<i64>,
}

impl Levels {
    fn of(pages: &[Vec<Line>]) -> Self {
        let mut written: BTreeMap<i64, usize> = BTreeMap::new();
        for line in pages.iter().flatten() {
            *written.entry(half_points(line.size)).or_default() += line.text().chars().count();
        }
        let body = written
            .iter()
            .max_by_key(|(_, count)| **count)
            .map_or(i64::MAX, |(size, _)| *size);
        let mut sizes: Vec<i64> = written
            .into_keys()
            .filter(|size| as_f64(*size) >= as_f64(body) * HEADING)
            .collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        Self { sizes }
    }

    fn level(&self, line: &Line) -> Option<usize> {
        let size = half_points(line.size);
        let rank = self.sizes.iter().position(|heading| *heading == size)?;
        let text = line.text();
        let is_heading = text.chars().count() <= MAX_HEADING && text.contains(char::is_alphabetic);
        is_heading.then_some(rank.min(MAX_LEVELS - 1) + 1)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "sizes are finite and were bounded to a page's"
)]
fn half_points(size: f64) -> i64 {
    (size.clamp(0.0, 10_000.0) * 2.0).round() as i64
}

#[expect(clippy::cast_precision_loss, reason = "half points of a page are small")]
fn as_f64(size: i64) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, size: f64, gap: f64) -> Line {
        let mut left = 50.0;
        let cells = text
            .split('|')
            .map(|text| {
                let cell = Cell {
                    text: text.to_owned(),
                    left,
                    right: left + 20.0,
                };
                left += 100.0;
                cell
            })
            .collect();
        Line { cells, size, gap }
    }

    fn read(lines: &[Line]) -> String {
        markdown(&[lines.to_vec()]).remove(0)
    }

    #[test]
    fn paragraphs_flow_and_divided_words_become_whole() {
        let text = read(&[
            line("Die Fähr-", 10.0, f64::INFINITY),
            line("verbindung nach Nord-", 10.0, 1.2),
            line("und Ostsee mit der MS-", 10.0, 1.2),
            line("Helgoland fährt täg\u{AD}", 10.0, 1.2),
            line("lich.", 10.0, 1.2),
            line("Neuer Absatz.", 10.0, 2.0),
        ]);
        assert_eq!(
            text,
            "Die Fährverbindung nach Nord- und Ostsee mit der MS- Helgoland fährt täglich.\n\nNeuer Absatz."
        );
    }

    #[test]
    fn larger_lines_are_headings_in_the_order_of_their_size() {
        let text = read(&[
            line("Großer", 20.0, f64::INFINITY),
            line("Titel", 20.0, 1.2),
            line("Der Text steht hier, und zwar lang genug.", 10.0, 3.0),
            line("Kapitel", 14.0, 3.0),
            line("# kein Kapitel", 10.0, 3.0),
            line("42", 14.0, 3.0),
        ]);
        assert_eq!(
            text,
            "# Großer Titel\n\nDer Text steht hier, und zwar lang genug.\n\n## Kapitel\n\n\\# kein Kapitel\n\n42"
        );
    }

    #[test]
    fn columns_are_tables_and_bullets_lists() {
        let text = read(&[
            line("•|Öl nachfüllen", 10.0, f64::INFINITY),
            line("•|Wasser", 10.0, 1.2),
            line("1.|Ablegen", 10.0, 1.2),
            line("Hafen|Zeit", 10.0, 3.0),
            line("Büsum|9|30", 10.0, 1.2),
            line("Kiel|a", 10.0, 1.2),
            line("Bremen|b|c", 10.0, 1.2),
        ]);
        assert_eq!(
            text, "- Öl nachfüllen\n- Wasser\n1. Ablegen\n\nHafen Zeit Büsum 9 30 Kiel a Bremen b c",
            "lines with other columns are no table"
        );
        let table = read(&[
            line("Hafen|Zeit", 10.0, f64::INFINITY),
            line("Büsum|9:30", 10.0, 1.2),
        ]);
        assert_eq!(table, "| Hafen | Zeit |\n| --- | --- |\n| Büsum | 9:30 |");
    }
}

//! The smallest pieces that a cut may fall between, with what lies before each.

use super::cost::{CostCounter, upper_bound};

/// Longest word, in code points, whose pieces are counted as a whole; longer ones (encoded data, scripts that write
/// no blanks) are divided.
const MAX_WORD: usize = 64;

/// A stretch of blanks longer than this, in bytes, always separates chunks: it would be stored and shown with them.
const MAX_GAP: usize = 512;

/// What lies between a unit and the one before it; the greater, the better a place to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Border {
    /// Nothing: the middle of a word.
    None,
    /// Blanks.
    Word,
    /// A line's or sentence's end.
    Sentence,
    /// An empty line.
    Paragraph,
    /// The unit begins a Markdown heading.
    Heading,
    /// A long blank stretch.
    Gap,
}

/// A piece of the text, blank-free.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
    /// Word pieces.
    pub(super) cost: usize,
    /// What is before it.
    pub(super) border: Border,
    /// Section that it is in; see [`Headings::path`].
    pub(super) section: usize,
}

/// The heading paths of a text's sections, in order; section 0 is above the first heading.
#[derive(Debug)]
pub(super) struct Headings {
    /// Level and parent section and title of each section.
    sections: Vec<(usize, usize, String)>,
}

impl Headings {
    fn new() -> Self {
        Self {
            sections: vec![(0, 0, String::new())],
        }
    }

    fn open(&mut self, level: usize, title: &str) {
        let mut parent = self.sections.len() - 1;
        while self.sections[parent].0 >= level {
            parent = self.sections[parent].1;
        }
        self.sections.push((level, parent, title.to_owned()));
    }

    /// Titles from the outermost heading to the section's own.
    pub(super) fn path(&self, section: usize) -> Vec<String> {
        let mut path = Vec::new();
        let mut at = section;
        while at != 0 {
            let (_, parent, title) = &self.sections[at];
            if !title.is_empty() {
                path.push(title.clone());
            }
            at = *parent;
        }
        path.reverse();
        path
    }
}

/// Walks a text unit by unit.
pub(super) struct Units<'t, 'c, 'k> {
    text: &'t str,
    at: usize,
    markdown: bool,
    /// The fence that closes the code block at hand.
    fence: Option<(char, usize)>,
    headings: Headings,
    counter: &'c mut CostCounter<'k>,
    /// End of the word at hand that is being divided, and the border before its next piece.
    word_end: usize,
    after_sentence: bool,
}

impl<'t, 'c, 'k> Units<'t, 'c, 'k> {
    pub(super) fn new(text: &'t str, markdown: bool, counter: &'c mut CostCounter<'k>) -> Self {
        Self {
            text,
            at: 0,
            markdown,
            fence: None,
            headings: Headings::new(),
            counter,
            word_end: 0,
            after_sentence: false,
        }
    }

    pub(super) fn headings(&self) -> &Headings {
        &self.headings
    }

    pub(super) fn next_unit(&mut self) -> Option<Unit> {
        if self.at < self.word_end {
            return Some(self.piece(Border::None));
        }
        let rest = &self.text[self.at..];
        let word = rest.find(|c| !is_blank(c))?;
        let gap = &rest[..word];
        let start = self.at + word;
        let line_start = self.at == 0 || gap.contains('\n');
        let mut border = self.border_after(gap);
        self.at = start;
        if self.markdown && line_start {
            let indent = gap.rsplit('\n').next().map_or(0, str::len);
            if self.reads_heading(start, indent) && border < Border::Heading {
                border = Border::Heading;
            }
        }
        let rest = &self.text[start..];
        self.word_end = start + rest.find(is_blank).unwrap_or(rest.len());
        let word = &self.text[start..self.word_end];
        if word.len() <= MAX_WORD || word.chars().count() <= MAX_WORD {
            self.at = self.word_end;
            self.after_sentence = ends_sentence(word);
            let cost = self.counter.word(word);
            return Some(self.unit(start, self.word_end, cost, border));
        }
        Some(self.piece(border))
    }

    /// The next piece of a long word: up to the next letter or mark that the tokenizer separates, or [`MAX_WORD`].
    fn piece(&mut self, border: Border) -> Unit {
        let start = self.at;
        let rest = &self.text[start..self.word_end];
        let mut end = rest.len();
        for (count, (at, c)) in rest.char_indices().enumerate() {
            let separate = stands_alone(c);
            if count > 0 && (separate || count == MAX_WORD) {
                end = at;
                break;
            }
            if separate {
                end = at + c.len_utf8();
                break;
            }
        }
        let piece = &rest[..end];
        self.at = start + end;
        self.after_sentence = ends_sentence(piece);
        self.unit(start, start + end, upper_bound(piece).max(1), border)
    }

    fn unit(&self, start: usize, end: usize, cost: usize, border: Border) -> Unit {
        Unit {
            start,
            end,
            cost,
            border,
            section: self.headings.sections.len() - 1,
        }
    }

    fn border_after(&self, gap: &str) -> Border {
        let lines = gap.bytes().filter(|byte| *byte == b'\n').count();
        match lines {
            _ if gap.len() > MAX_GAP => Border::Gap,
            0 if self.after_sentence => Border::Sentence,
            0 => Border::Word,
            1 => Border::Sentence,
            _ => Border::Paragraph,
        }
    }

    /// Reads the line at `start`, indented by `indent`, as Markdown: opens and closes fences and sections.
    fn reads_heading(&mut self, start: usize, indent: usize) -> bool {
        let line = self.text[start..].lines().next().unwrap_or_default();
        let mark = line.chars().next().unwrap_or_default();
        let run = line.chars().take_while(|c| *c == mark).count();
        if let Some((fence, length)) = self.fence {
            if mark == fence && run >= length && line.trim_end().chars().count() == run {
                self.fence = None;
            }
            return false;
        }
        if matches!(mark, '`' | '~') && run >= 3 {
            self.fence = Some((mark, run));
            return false;
        }
        // Four blanks before a line make it code.
        if mark != '#' || run > 6 || indent > 3 {
            return false;
        }
        let title = &line[run..];
        if !(title.is_empty() || title.starts_with([' ', '\t'])) {
            return false;
        }
        self.headings
            .open(run, title.trim().trim_end_matches('#').trim_end());
        true
    }
}

/// Blanks as the tokenizer sees them: it drops other control characters, which joins the letters around them.
fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\n' | '\t' | '\r') || (c.is_whitespace() && !c.is_control())
}

fn ends_sentence(word: &str) -> bool {
    let word = word.trim_end_matches(['"', '\'', ')', ']', '”', '’', '»']);
    word.ends_with(['.', '!', '?', ':', ';', '。', '！', '？', '…'])
}

/// Characters that the tokenizer makes words of their own.
fn stands_alone(c: char) -> bool {
    c.is_ascii_punctuation()
        || matches!(c, '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}'
            | '\u{20000}'..='\u{2A6DF}' | '\u{3001}' | '\u{3002}' | '\u{FF01}' | '\u{FF0C}')
}

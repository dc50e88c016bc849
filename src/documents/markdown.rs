//! Markdown of libraries, made fit for searching and reading: nothing in it for looks alone.

/// Takes the backslashes away that Markdown needs only for exactness: people search and read `file_name`, not
/// `file\_name`. Those at the beginning of a line and in tables stay, because they keep text from becoming structure.
pub(super) fn unescaped(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut in_fence = false;
    for line in markdown.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let (indent, text) = line.split_at(indent);
        in_fence ^= text.starts_with("```");
        out.push_str(indent);
        if in_fence {
            out.push_str(text);
            continue;
        }
        let mut characters = text.chars().enumerate().peekable();
        while let Some((place, character)) = characters.next() {
            let next = characters.peek().map(|(_, next)| *next);
            let is_needless = character == '\\'
                && place > 0
                && next.is_some_and(|next| next.is_ascii_punctuation() && next != '|');
            if !is_needless {
                out.push(character);
            } else if next == Some('\\') {
                out.extend(characters.next().map(|(_, backslash)| backslash));
            }
        }
    }
    out
}

/// Takes the blanks away with which tables are drawn, which would fill passages with nothing, and empty lines beyond
/// one.
pub(super) fn slim(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let (mut in_fence, mut empty) = (false, 0);
    for line in markdown.lines() {
        let text = line.trim();
        in_fence ^= text.starts_with("```");
        empty = if text.is_empty() { empty + 1 } else { 0 };
        if empty > 1 && !in_fence {
            continue;
        }
        if in_fence || !(text.starts_with('|') && text.ends_with('|')) {
            out.push_str(line);
        } else if text.contains("---") && text.chars().all(|c| matches!(c, '|' | '-' | ':' | ' ')) {
            out.push('|');
            for _column in 0..text.matches('|').count().saturating_sub(1) {
                out.push_str(" --- |");
            }
        } else {
            let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
            out.push_str(&words.join(" "));
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needless_backslashes_are_taken_away() {
        let escaped =
            "\\# no heading \\#1\nfile\\_name \\<a@b\\> C:\\\\dir\n| a\\|b\\* |\n```\nx\\_y\n```\n1\\. x";
        assert_eq!(
            unescaped(escaped),
            "\\# no heading #1\nfile_name <a@b> C:\\dir\n| a\\|b* |\n```\nx\\_y\n```\n1. x"
        );
    }

    #[test]
    fn tables_lose_their_padding_and_code_keeps_it() {
        let drawn = "| Name   |  n |\n| :----- | -: |\n| a  b   |    |\n\n\n\nend\n```\n| x   |\n\n\n```\n";
        assert_eq!(
            slim(drawn),
            "| Name | n |\n| --- | --- |\n| a b | |\n\nend\n```\n| x   |\n\n\n```\n"
        );
    }
}

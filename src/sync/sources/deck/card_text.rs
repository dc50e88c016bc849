//! A card as Markdown. It is the same for all readers of the board.

use crate::nextcloud::{Board, Card, CardComment, Stack};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// What the text is.
pub(super) const MIME: &str = "text/markdown";

/// The title; cards without one are named by their number.
pub(super) fn title(card: &Card) -> String {
    match line(&card.title) {
        title if title.is_empty() => format!("Card {}", card.id),
        title => title,
    }
}

/// `/<board>/<stack>/<title>`.
pub(super) fn path(board: &Board, stack: &Stack, card: &Card) -> String {
    let segment = |text: &str| match line(text).replace('/', "-") {
        text if text.is_empty() => "-".to_owned(),
        text => text,
    };
    format!(
        "/{}/{}/{}",
        segment(&board.title),
        segment(&stack.title),
        segment(&title(card))
    )
}

/// Everything that the board's listing tells.
pub(super) fn without_comments(board: &Board, stack: &Stack, card: &Card) -> String {
    let mut text = format!("{}\n\n", title(card));
    fact(&mut text, "Board", &line(&board.title));
    fact(&mut text, "List", &line(&stack.title));
    let labels = card.labels.iter().map(|label| line(&label.title));
    fact(&mut text, "Labels", &joined(labels));
    let assigned = card
        .assigned
        .iter()
        .map(|assignment| line(&assignment.participant.display_name));
    fact(&mut text, "Assigned to", &joined(assigned));
    fact(&mut text, "Due", day(card.duedate.as_deref()));
    fact(&mut text, "Done", day(card.done.as_deref()));
    let description = card.description.trim();
    if !description.is_empty() {
        // A String never fails to be written to.
        let _ = write!(text, "\n{description}\n");
    }
    text
}

/// The whole text; `comments` come newest first.
pub(super) fn with_comments(board: &Board, stack: &Stack, card: &Card, comments: &[CardComment]) -> String {
    let mut text = without_comments(board, stack, card);
    if !comments.is_empty() {
        text.push_str("\n## Comments\n");
    }
    for comment in comments.iter().rev() {
        let written = day(Some(&comment.written));
        let _ = write!(
            text,
            "\n{} ({written}): {}\n",
            line(&comment.author),
            comment.message.trim()
        );
    }
    text
}

/// The version of a card whose text without comments is `text`. Deck's own `ETag` stands for the comments; their number is
/// added because that `ETag` knows seconds only.
pub(super) fn version(text: &str, card: &Card) -> String {
    let mut hasher = Sha256::new();
    hasher.update(text);
    let digest = hex::encode(hasher.finalize());
    format!("{digest}-{}-{}", card.etag, card.comments_count)
}

fn fact(text: &mut String, name: &str, value: &str) {
    if !value.is_empty() {
        let _ = writeln!(text, "- {name}: {value}");
    }
}

/// One line without runs of white space.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn joined(words: impl Iterator<Item = String>) -> String {
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The date of a time as Deck writes it.
fn day(time: Option<&str>) -> &str {
    let time = time.unwrap_or_default();
    time.get(..10).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Board {
        serde_json::from_str(r#"{"id": 4, "title": "Harbour"}"#).unwrap()
    }

    fn stack() -> Stack {
        serde_json::from_str(r#"{"id": 6, "title": "To do"}"#).unwrap()
    }

    fn card(labels: &str) -> Card {
        let json = format!(
            r#"{{"id": 7, "title": "Book the\nferry", "description": "Two **cars**.", "labels": {labels},
                "assignedUsers": [{{"participant": {{"displayname": "Bob"}}}}], "duedate": "2026-12-24T10:00:00+00:00",
                "done": null, "ETag": "e", "commentsCount": 2}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn a_card_tells_where_it_stands_and_what_was_said() {
        let comments: Vec<CardComment> = serde_json::from_str(
            r#"[{"id": 2, "message": "Done.", "actorDisplayName": "Bob", "creationDateTime": "2026-12-02T09:00:00+00:00"},
                {"id": 1, "message": "When?", "actorDisplayName": "Alice", "creationDateTime": "2026-12-01T09:00:00+00:00"}]"#,
        )
        .unwrap();
        let card = card(r#"[{"title": "urgent"}, {"title": "sea"}]"#);
        assert_eq!(
            with_comments(&board(), &stack(), &card, &comments),
            "Book the ferry\n\n- Board: Harbour\n- List: To do\n- Labels: urgent, sea\n- Assigned to: Bob\n\
             - Due: 2026-12-24\n\nTwo **cars**.\n\n## Comments\n\nAlice (2026-12-01): When?\n\nBob (2026-12-02): Done.\n"
        );
    }

    #[test]
    fn the_version_moves_with_all_that_is_indexed() {
        let of = |card: &Card, board: &Board| version(&without_comments(board, &stack(), card), card);
        let before = of(&card("[]"), &board());
        assert_eq!(of(&card("[]"), &board()), before);
        assert_ne!(of(&card(r#"[{"title": "urgent"}]"#), &board()), before);
        let renamed = Board {
            title: "Port".into(),
            ..board()
        };
        assert_ne!(of(&card("[]"), &renamed), before);
        let answered = Card {
            comments_count: 3,
            ..card("[]")
        };
        assert_ne!(of(&answered, &board()), before);
    }
}

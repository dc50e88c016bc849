//! Boards, stacks and cards, and what a change does to their versions.

use std::collections::{BTreeMap, BTreeSet};

use crate::world::md5_hex;

/// The labels of every new board.
const LABELS: [(&str, &str); 4] = [
    ("Finished", "31CC7C"),
    ("To review", "317CCC"),
    ("Action needed", "FF7A66"),
    ("Later", "F1DB50"),
];

/// Everything of the Deck app.
#[derive(Debug, Default)]
pub(crate) struct DeckState {
    pub(crate) enabled: bool,
    pub(super) boards: BTreeMap<i64, Board>,
    pub(super) stacks: BTreeMap<i64, Stack>,
    pub(super) cards: BTreeMap<i64, Card>,
    last_label: i64,
    last_acl: i64,
    last_comment: i64,
}

#[derive(Debug)]
pub(super) struct Board {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) owner: String,
    pub(super) color: String,
    pub(super) archived: bool,
    pub(super) deleted_at: i64,
    pub(super) last_modified: i64,
    pub(super) labels: Vec<Label>,
    /// Ids of the shares by the account that they are with.
    pub(super) acl: BTreeMap<String, i64>,
}

#[derive(Debug)]
pub(super) struct Label {
    pub(super) id: i64,
    pub(super) title: String,
    pub(super) color: String,
    pub(super) last_modified: i64,
}

#[derive(Debug)]
pub(super) struct Stack {
    pub(super) id: i64,
    pub(super) board: i64,
    pub(super) title: String,
    pub(super) order: i64,
    pub(super) last_modified: i64,
}

#[derive(Debug)]
pub(super) struct Card {
    pub(super) id: i64,
    pub(super) stack: i64,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) owner: String,
    pub(super) order: i64,
    pub(super) labels: BTreeSet<i64>,
    pub(super) archived: bool,
    pub(super) duedate: Option<String>,
    pub(super) created: i64,
    pub(super) last_modified: i64,
    pub(super) last_editor: Option<String>,
    pub(super) deleted_at: i64,
    pub(super) comments: Vec<Comment>,
}

#[derive(Clone, Debug)]
pub(super) struct Comment {
    pub(super) id: i64,
    pub(super) author: String,
    pub(super) message: String,
    pub(super) written: i64,
}

/// Deck's `ETag`: the second of the last change, digested.
pub(super) fn etag(last_modified: i64) -> String {
    md5_hex(&last_modified.to_string())
}

/// The next free id.
fn next<T>(map: &BTreeMap<i64, T>) -> i64 {
    map.last_key_value().map_or(1, |(id, _)| id + 1)
}

impl DeckState {
    /// A board that this account may see; deleted ones are only their owner's.
    pub(super) fn board_of(&self, uid: &str, id: i64) -> Option<&Board> {
        self.boards.get(&id).filter(|board| board.is_seen_by(uid))
    }

    /// The boards that an account sees, in the order of their ids.
    pub(super) fn boards_of<'a>(&'a self, uid: &'a str) -> impl Iterator<Item = &'a Board> {
        self.boards.values().filter(move |board| board.is_seen_by(uid))
    }

    /// A card with its stack, if it is on that board and the account sees the board.
    pub(super) fn card_of(&self, uid: &str, board: i64, card: i64) -> Option<&Card> {
        let card = self.cards.get(&card)?;
        let stack = self.stacks.get(&card.stack)?;
        (stack.board == board && self.board_of(uid, board).is_some()).then_some(card)
    }

    /// The board that a card is on.
    pub(super) fn board_of_card(&self, card: i64) -> Option<i64> {
        let card = self.cards.get(&card)?;
        Some(self.stacks.get(&card.stack)?.board)
    }

    pub(super) fn add_board(&mut self, uid: &str, title: &str, color: &str, now: i64) -> i64 {
        let id = next(&self.boards);
        let mut labels = Vec::new();
        for (title, color) in LABELS {
            self.last_label += 1;
            labels.push(Label {
                id: self.last_label,
                title: title.to_owned(),
                color: color.to_owned(),
                last_modified: now,
            });
        }
        let board = Board {
            id,
            title: title.to_owned(),
            owner: uid.to_owned(),
            color: color.to_owned(),
            archived: false,
            deleted_at: 0,
            last_modified: now,
            labels,
            acl: BTreeMap::new(),
        };
        self.boards.insert(id, board);
        id
    }

    /// Changes a board; `false` if there is none of this id.
    pub(super) fn edit_board(&mut self, id: i64, now: i64, change: impl FnOnce(&mut Board)) -> bool {
        let Some(board) = self.boards.get_mut(&id) else {
            return false;
        };
        change(board);
        board.last_modified = now;
        true
    }

    pub(super) fn share(&mut self, board: i64, uid: &str, now: i64) -> bool {
        self.last_acl += 1;
        let id = self.last_acl;
        self.edit_board(board, now, |board| {
            board.acl.entry(uid.to_owned()).or_insert(id);
        })
    }

    pub(super) fn add_stack(&mut self, board: i64, title: &str, order: i64, now: i64) -> Option<i64> {
        let id = next(&self.stacks);
        self.edit_board(board, now, |_| {}).then(|| {
            let stack = Stack {
                id,
                board,
                title: title.to_owned(),
                order,
                last_modified: now,
            };
            self.stacks.insert(id, stack);
            id
        })
    }

    pub(super) fn add_card(
        &mut self,
        uid: &str,
        stack: i64,
        title: &str,
        description: &str,
        now: i64,
    ) -> Option<i64> {
        self.stacks.get(&stack)?;
        let id = next(&self.cards);
        let card = Card {
            id,
            stack,
            title: title.to_owned(),
            description: description.to_owned(),
            owner: uid.to_owned(),
            order: 0,
            labels: BTreeSet::new(),
            archived: false,
            duedate: None,
            created: now,
            last_modified: now,
            last_editor: None,
            deleted_at: 0,
            comments: Vec::new(),
        };
        self.cards.insert(id, card);
        self.card_changed(id, now);
        Some(id)
    }

    /// Changes a card; `false` if there is none of this id. Its stack and board change with it, before and after.
    pub(super) fn edit_card(&mut self, id: i64, now: i64, change: impl FnOnce(&mut Card)) -> bool {
        if !self.cards.contains_key(&id) {
            return false;
        }
        self.card_changed(id, now);
        if let Some(card) = self.cards.get_mut(&id) {
            change(card);
        }
        self.card_changed(id, now);
        true
    }

    /// A comment changes its card, as Deck's event handler does it. Returns its id.
    pub(super) fn comment(&mut self, card: i64, author: &str, message: &str, now: i64) -> Option<i64> {
        self.last_comment += 1;
        let comment = Comment {
            id: self.last_comment,
            author: author.to_owned(),
            message: message.to_owned(),
            written: now,
        };
        let id = comment.id;
        self.edit_card(card, now, |card| card.comments.push(comment))
            .then_some(id)
    }

    fn card_changed(&mut self, id: i64, now: i64) {
        let Some(card) = self.cards.get_mut(&id) else {
            return;
        };
        card.last_modified = now;
        let Some(stack) = self.stacks.get_mut(&card.stack) else {
            return;
        };
        stack.last_modified = now;
        if let Some(board) = self.boards.get_mut(&stack.board) {
            board.last_modified = now;
        }
    }
}

impl Board {
    fn is_seen_by(&self, uid: &str) -> bool {
        self.owner == uid || self.deleted_at == 0 && self.acl.contains_key(uid)
    }
}

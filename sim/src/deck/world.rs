//! [`World`]: boards, stacks, cards and their readers.

use crate::world::World;

impl World {
    /// Installs or removes the Deck app; without it its routes are 404 pages and it is in nobody's menu. It is not
    /// installed at the start.
    pub fn deck_app_enabled(&self, on: bool) {
        self.write().deck.enabled = on;
    }

    /// Creates a board and returns its id; installs Deck.
    pub fn add_board(&self, uid: &str, title: &str) -> i64 {
        let mut state = self.write();
        state.deck.enabled = true;
        let now = state.now();
        state.deck.add_board(uid, title, "0082c9", now)
    }

    /// Gives another account a board to read and edit.
    ///
    /// # Panics
    /// If there is no such board, as all methods for boards.
    pub fn share_board(&self, board: i64, uid: &str) {
        let mut state = self.write();
        let now = state.now();
        assert!(state.deck.share(board, uid, now), "no board {board}");
    }

    /// Takes it back.
    pub fn unshare_board(&self, board: i64, uid: &str) {
        self.edit_board(board, |board| {
            board.acl.remove(uid);
        });
    }

    /// Gives a board another title.
    pub fn rename_board(&self, board: i64, title: &str) {
        self.edit_board(board, |board| title.clone_into(&mut board.title));
    }

    /// Puts a board away, or takes it out again.
    pub fn archive_board(&self, board: i64, archived: bool) {
        self.edit_board(board, |board| board.archived = archived);
    }

    /// Deletes a board; its owner still finds it in the list, marked as deleted.
    pub fn delete_board(&self, board: i64) {
        let now = self.now();
        self.edit_board(board, |board| board.deleted_at = now);
    }

    /// Adds a list to a board and returns its id.
    ///
    /// # Panics
    /// If there is no such board.
    pub fn add_stack(&self, board: i64, title: &str) -> i64 {
        let mut state = self.write();
        let now = state.now();
        let stack = state.deck.add_stack(board, title, 0, now);
        stack.unwrap_or_else(|| panic!("no board {board}"))
    }

    /// Adds a card to a list, in the name of the board's owner, and returns its id.
    ///
    /// # Panics
    /// If there is no such list.
    pub fn add_card(&self, stack: i64, title: &str, description: &str) -> i64 {
        let mut state = self.write();
        let now = state.now();
        let board = state
            .deck
            .stacks
            .get(&stack)
            .and_then(|stack| state.deck.boards.get(&stack.board));
        let owner = board.map(|board| board.owner.clone()).unwrap_or_default();
        let card = state.deck.add_card(&owner, stack, title, description, now);
        card.unwrap_or_else(|| panic!("no stack {stack}"))
    }

    /// Writes a card's description anew.
    ///
    /// # Panics
    /// If there is no such card, as all methods for cards.
    pub fn describe_card(&self, card: i64, description: &str) {
        self.edit_card(card, |card| description.clone_into(&mut card.description));
    }

    /// Puts one of the board's labels on a card: `Finished`, `To review`, `Action needed` or `Later`.
    ///
    /// # Panics
    /// If there is no such card or label.
    pub fn label_card(&self, card: i64, label: &str) {
        let found = {
            let state = self.read();
            let board = state
                .deck
                .board_of_card(card)
                .and_then(|board| state.deck.boards.get(&board));
            board.and_then(|board| {
                board
                    .labels
                    .iter()
                    .find(|one| one.title == label)
                    .map(|one| one.id)
            })
        };
        let found = found.unwrap_or_else(|| panic!("no label {label} for card {card}"));
        self.edit_card(card, |card| {
            card.labels.insert(found);
        });
    }

    /// Puts a card away.
    pub fn archive_card(&self, card: i64) {
        self.edit_card(card, |card| card.archived = true);
    }

    /// Deletes a card.
    pub fn delete_card(&self, card: i64) {
        let now = self.now();
        self.edit_card(card, |card| card.deleted_at = now);
    }

    /// Moves a card to a list, of its own board or another.
    pub fn move_card(&self, card: i64, stack: i64) {
        self.edit_card(card, |card| card.stack = stack);
    }

    /// Writes a comment on a card.
    ///
    /// # Panics
    /// If there is no such card.
    pub fn comment_card(&self, card: i64, uid: &str, message: &str) {
        let mut state = self.write();
        let now = state.now();
        assert!(
            state.deck.comment(card, uid, message, now).is_some(),
            "no card {card}"
        );
    }

    fn edit_board(&self, board: i64, change: impl FnOnce(&mut super::data::Board)) {
        let mut state = self.write();
        let now = state.now();
        assert!(state.deck.edit_board(board, now, change), "no board {board}");
    }

    fn edit_card(&self, card: i64, change: impl FnOnce(&mut super::data::Card)) {
        let mut state = self.write();
        let now = state.now();
        assert!(state.deck.edit_card(card, now, change), "no card {card}");
    }
}

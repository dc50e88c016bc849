//! Cards of Deck boards. A board is a part; a board whose `ETag` stands still is not asked again.
//!
//! Comments change the last modification of their card, so only changed cards have theirs fetched: at most
//! [`MAX_COMMENTS`] each, and none where Deck counts none.

mod card_text;

use super::{Content, Coverage, Event, KnownState, ListedItem, Sink, Source, WantedItem};
use crate::nextcloud::{Board, BoardList, Boards, Card, CardComment, NextcloudError, Stack};
use crate::sync::{Remote, SyncError};
use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use std::collections::{BTreeMap, HashMap};

/// Comments of one card that are indexed, the newest first.
const MAX_COMMENTS: usize = 300;

/// What the `ETag` of a board or list is replaced by while a second change could still have the same one.
const UNSETTLED: &str = "unsettled";

/// The user's cards.
#[derive(Debug, Clone, Copy)]
pub struct DeckSource;

#[async_trait]
impl Source for DeckSource {
    fn name(&self) -> &'static str {
        "deck"
    }

    fn family(&self) -> &'static str {
        "deck_card"
    }

    async fn list(
        &self,
        remote: &dyn Remote,
        known: &KnownState,
        sink: Sink<'_>,
    ) -> Result<Coverage, SyncError> {
        let version = known.root_etag.as_deref();
        let version = version.filter(|version| !known.full_walk && !version.starts_with(UNSETTLED));
        let list = match remote.deck_boards(version).await {
            Ok(Boards::Unchanged) => return Ok(Coverage::Unchanged),
            Ok(Boards::Listed(list)) => list,
            Err(NextcloudError::NotFound(_)) if !remote.has_app("deck").await? => {
                return Ok(Coverage::Absent(
                    "Deck is not installed, or not for this user".to_owned(),
                ));
            }
            Err(error) => return Err(error.into()),
        };
        let mut parts = HashMap::new();
        let mut listed = Vec::new();
        for board in list.boards.iter().filter(|board| is_open(board)) {
            let (part, version) = (board.id.to_string(), board_version(&list, board));
            if known.full_walk || known.parts.get(&part) != Some(&version) {
                match remote.deck_stacks(board.id).await {
                    Ok(stacks) => {
                        for item in items(board, &stacks) {
                            sink(Event::Item(item));
                        }
                        listed.push(part.clone());
                    }
                    // Lost since the list came (facts §8: a foreign board is 403).
                    Err(NextcloudError::Forbidden(_)) => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            parts.insert(part, version);
        }
        Ok(Coverage::Parts {
            version: list_version(&list),
            parts,
            listed,
            gone: Vec::new(),
        })
    }

    async fn fetch(&self, remote: &dyn Remote, item: &WantedItem) -> Result<Content, NextcloudError> {
        let mut found = self.fetch_many(remote, std::slice::from_ref(item)).await?;
        found
            .remove(&item.native_id)
            .ok_or_else(|| NextcloudError::NotFound("the card is not on its board any more".to_owned()))
    }

    /// One request per board, and those for comments.
    async fn fetch_many(
        &self,
        remote: &dyn Remote,
        items: &[WantedItem],
    ) -> Result<HashMap<String, Content>, NextcloudError> {
        let mut by_board: BTreeMap<i64, Vec<&WantedItem>> = BTreeMap::new();
        for item in items {
            if let Ok(board) = item.part.parse() {
                by_board.entry(board).or_default().push(item);
            }
        }
        let mut contents = HashMap::new();
        if by_board.is_empty() {
            return Ok(contents);
        }
        let Boards::Listed(list) = remote.deck_boards(None).await? else {
            return Ok(contents);
        };
        for (id, items) in by_board {
            let Some(board) = list.boards.iter().find(|board| board.id == id && is_open(board)) else {
                continue;
            };
            let stacks = remote.deck_stacks(id).await?;
            for (stack, card) in open_cards(&stacks) {
                let native_id = card.id.to_string();
                if !items.iter().any(|item| item.native_id == native_id) {
                    continue;
                }
                let comments = comments(remote, card).await?;
                let text = card_text::with_comments(board, stack, card, &comments);
                contents.insert(
                    native_id,
                    Content {
                        bytes: Bytes::from(text),
                        mime_type: Some(card_text::MIME.to_owned()),
                    },
                );
            }
        }
        Ok(contents)
    }

    async fn version(&self, remote: &dyn Remote) -> Result<String, NextcloudError> {
        match remote.deck_boards(None).await? {
            Boards::Listed(list) => Ok(list_version(&list)),
            // Nobody asked with a version.
            Boards::Unchanged => Err(NextcloudError::Malformed(
                "an answer that was not asked for".to_owned(),
            )),
        }
    }
}

/// A Deck without this call has cards all the same.
async fn comments(remote: &dyn Remote, card: &Card) -> Result<Vec<CardComment>, NextcloudError> {
    if card.comments_count == 0 {
        return Ok(Vec::new());
    }
    match remote.deck_comments(card.id, MAX_COMMENTS).await {
        Err(NextcloudError::NotFound(_)) => Ok(Vec::new()),
        answer => answer,
    }
}

fn is_open(board: &Board) -> bool {
    !board.archived && board.deleted_at == 0
}

fn board_version(list: &BoardList, board: &Board) -> String {
    if list.is_settled(board) && !board.etag.is_empty() {
        board.etag.clone()
    } else {
        format!("{UNSETTLED} {}", board.etag)
    }
}

fn list_version(list: &BoardList) -> String {
    let etag = list.etag.as_deref().unwrap_or_default();
    if !etag.is_empty() && list.boards.iter().all(|board| list.is_settled(board)) {
        etag.to_owned()
    } else {
        format!("{UNSETTLED} {etag}")
    }
}

/// The cards that people see, with the stack of each.
fn open_cards(stacks: &[Stack]) -> impl Iterator<Item = (&Stack, &Card)> {
    stacks
        .iter()
        .filter(|stack| stack.deleted_at == 0)
        .flat_map(|stack| stack.cards.iter().map(move |card| (stack, card)))
        .filter(|(_, card)| card.is_open())
}

fn items<'a>(board: &'a Board, stacks: &'a [Stack]) -> impl Iterator<Item = ListedItem> + 'a {
    open_cards(stacks).map(|(stack, card)| {
        let text = card_text::without_comments(board, stack, card);
        ListedItem {
            native_id: card.id.to_string(),
            etag: card_text::version(&text, card),
            mime_type: Some(card_text::MIME.to_owned()),
            size: i64::try_from(text.len()).unwrap_or(i64::MAX),
            modified: DateTime::from_timestamp(card.last_modified, 0),
            doc_type: "deck_card",
            path: card_text::path(board, stack, card),
            part: board.id.to_string(),
            title: card_text::title(card),
            keyword_only: false,
            skip: None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(boards: &str, at: i64) -> BoardList {
        BoardList {
            boards: serde_json::from_str(boards).unwrap(),
            etag: Some("list".to_owned()),
            at: DateTime::from_timestamp(at, 0),
        }
    }

    #[test]
    fn a_fresh_change_is_not_believed_to_be_the_last() {
        let boards =
            r#"[{"id": 1, "lastModified": 100, "ETag": "a"}, {"id": 2, "lastModified": 50, "ETag": "b"}]"#;
        let fresh = list(boards, 101);
        assert_eq!(board_version(&fresh, &fresh.boards[0]), "unsettled a");
        assert_eq!(board_version(&fresh, &fresh.boards[1]), "b");
        assert_eq!(list_version(&fresh), "unsettled list");
        assert_eq!(list_version(&list(boards, 102)), "list");
    }

    #[test]
    fn what_people_put_away_is_no_document() {
        let board: Board = serde_json::from_str(r#"{"id": 4, "title": "Work / Plans"}"#).unwrap();
        let stacks: Vec<Stack> = serde_json::from_str(
            r#"[{"id": 1, "title": "To do", "cards": [{"id": 7, "title": "Ferry", "lastModified": 5},
                {"id": 8, "archived": true}, {"id": 9, "deletedAt": 3}]},
                {"id": 2, "deletedAt": 9, "cards": [{"id": 10}]}, {"id": 3, "title": "Empty"}]"#,
        )
        .unwrap();
        let items: Vec<ListedItem> = items(&board, &stacks).collect();
        assert_eq!(items.len(), 1);
        assert_eq!((items[0].native_id.as_str(), items[0].part.as_str()), ("7", "4"));
        assert_eq!(items[0].path, "/Work - Plans/To do/Ferry");
        assert_eq!(items[0].modified.unwrap().timestamp(), 5);
    }
}

//! Cards of Deck boards. A card's native id is its number; its board stands beside it as the part.

use super::{Family, instance};
use crate::ids::UserId;
use crate::nextcloud::{NextcloudError, UserSession};
use async_trait::async_trait;
use sqlx::PgPool;
use std::collections::{BTreeMap, HashSet};
use url::Url;

/// Cards of one question: they may be on as many boards, each of which costs a request.
const CARDS_PER_QUESTION: usize = 50;

/// Cards: one request per board answers for all its cards.
#[derive(Debug, Clone)]
pub struct DeckFamily {
    pool: PgPool,
}

impl DeckFamily {
    /// `pool` tells on which boards a reader last saw the cards.
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The cards by board. Where the database does not answer, nothing is known about any of them.
    async fn boards(
        &self,
        session: &UserSession,
        native_ids: &[String],
    ) -> Result<BTreeMap<i64, Vec<String>>, NextcloudError> {
        let rows = sqlx::query!(
            "select d.native_id, r.part from documents d
             join document_readers r on r.document_id = d.id and r.uid = $1
             where d.family = 'deck_card' and d.native_id = any($2)",
            session.user().as_str(),
            native_ids
        )
        .fetch_all(&self.pool)
        .await
        .map_err(|error| {
            tracing::warn!(%error, "the boards of cards could not be looked up");
            NextcloudError::Unreachable("the boards of the cards are not known".to_owned())
        })?;
        let mut boards: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        for row in rows {
            if let Ok(board) = row.part.parse() {
                boards.entry(board).or_default().push(row.native_id);
            }
        }
        Ok(boards)
    }
}

#[async_trait]
impl Family for DeckFamily {
    fn name(&self) -> &'static str {
        "deck_card"
    }

    fn doc_types(&self) -> &'static [&'static str] {
        &["deck_card"]
    }

    fn batch_size(&self) -> usize {
        CARDS_PER_QUESTION
    }

    async fn readable(
        &self,
        session: &UserSession,
        native_ids: &[String],
        instance: Option<&str>,
    ) -> Result<HashSet<String>, NextcloudError> {
        let boards = self.boards(session, native_ids).await?;
        let mut readable = HashSet::new();
        if boards.is_empty() {
            return Ok(readable);
        }
        instance::check(session, instance).await?;
        for (board, cards) in boards {
            let stacks = match session.deck_stacks(board).await {
                Ok(stacks) => stacks,
                // Not this reader's any more, or Deck is switched off: none of its cards can be opened now.
                Err(NextcloudError::Forbidden(_) | NextcloudError::NotFound(_)) => continue,
                Err(error) => return Err(error),
            };
            let open: HashSet<String> = stacks
                .iter()
                .filter(|stack| stack.deleted_at == 0)
                .flat_map(|stack| &stack.cards)
                .filter(|card| card.is_open())
                .map(|card| card.id.to_string())
                .collect();
            readable.extend(cards.into_iter().filter(|card| open.contains(card)));
        }
        Ok(readable)
    }

    fn url(&self, public_url: &Url, _reader: &UserId, _doc_type: &str, native_id: &str) -> String {
        let base = public_url.as_str().trim_end_matches('/');
        format!("{base}/index.php/apps/deck/card/{native_id}")
    }

    fn url_in(
        &self,
        public_url: &Url,
        reader: &UserId,
        doc_type: &str,
        native_id: &str,
        part: &str,
    ) -> String {
        if part.is_empty() {
            return self.url(public_url, reader, doc_type, native_id);
        }
        let base = public_url.as_str().trim_end_matches('/');
        format!("{base}/index.php/apps/deck/board/{part}/card/{native_id}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[sqlx::test(migrations = "./migrations")]
    async fn links_lead_to_the_card_on_its_board(pool: PgPool) {
        let below = Url::parse("https://example.org/nextcloud/").unwrap();
        let family = DeckFamily::new(pool);
        assert_eq!(
            family.url_in(&below, &UserId::new("alice"), "deck_card", "7", "4"),
            "https://example.org/nextcloud/index.php/apps/deck/board/4/card/7"
        );
        assert_eq!(
            family.url_in(&below, &UserId::new("alice"), "deck_card", "7", ""),
            "https://example.org/nextcloud/index.php/apps/deck/card/7"
        );
    }
}

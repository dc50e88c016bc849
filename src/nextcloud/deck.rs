//! Deck API v1.0 (facts §8), and the comments of cards, which only OCS has.
//!
//! The `ETags` of boards, stacks and cards are digests of their last modification in seconds: two changes in one second
//! look like one. [`BoardList::is_settled`] tells when an `ETag` may be believed.

use super::http::Call;
use super::{NextcloudError, UserSession, ocs};
use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use serde::{Deserialize, Deserializer};

const BASE: &str = "/index.php/apps/deck/api/v1.0";
const OCS_BASE: &str = "/ocs/v2.php/apps/deck/api/v1.0";

/// Comments in one request.
const COMMENTS_PAGE: usize = 100;

/// Seconds after which a last modification can have no second change with the same `ETag`.
const SETTLED_SECONDS: i64 = 2;

/// A board as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Board {
    /// Id.
    pub id: i64,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// Put away by its owner.
    #[serde(default)]
    pub archived: bool,
    /// Unix seconds of its deletion; 0 = it is there.
    #[serde(default, rename = "deletedAt")]
    pub deleted_at: i64,
    /// Unix seconds of the last change of anything on it, comments included.
    #[serde(default, rename = "lastModified")]
    pub last_modified: i64,
    /// Version of the board with everything on it.
    #[serde(default, rename = "ETag")]
    pub etag: String,
}

/// The boards that a user sees, shared ones included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoardList {
    /// All of them, archived and deleted ones too.
    pub boards: Vec<Board>,
    /// Version of the list: a digest over ids and `ETags` of the boards.
    pub etag: Option<String>,
    /// When Nextcloud answered, by its own clock (`Date`).
    pub at: Option<DateTime<Utc>>,
}

impl BoardList {
    /// Whether the board's last change is old enough, by Nextcloud's clock, that every later change shows in its `ETag`.
    pub fn is_settled(&self, board: &Board) -> bool {
        self.at
            .is_some_and(|at| at.timestamp() - board.last_modified >= SETTLED_SECONDS)
    }
}

/// Answer to the question for boards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Boards {
    /// The list has the version that the caller knows.
    Unchanged,
    /// The list.
    Listed(BoardList),
}

/// A list of a board with its cards.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Stack {
    /// Id.
    pub id: i64,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// Unix seconds of its deletion; 0 = it is there.
    #[serde(default, rename = "deletedAt")]
    pub deleted_at: i64,
    /// Its cards; left out by Nextcloud when there are none.
    #[serde(default)]
    pub cards: Vec<Card>,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Card {
    /// Id, unique among all boards.
    pub id: i64,
    /// Title.
    #[serde(default)]
    pub title: String,
    /// Markdown.
    #[serde(default, deserialize_with = "nullable")]
    pub description: String,
    /// Labels.
    #[serde(default, deserialize_with = "nullable")]
    pub labels: Vec<Label>,
    /// Who is to do it.
    #[serde(default, rename = "assignedUsers", deserialize_with = "nullable")]
    pub assigned: Vec<Assignment>,
    /// Put away.
    #[serde(default)]
    pub archived: bool,
    /// When it was done, as Deck writes it.
    #[serde(default)]
    pub done: Option<String>,
    /// When it is due, as Deck writes it.
    #[serde(default)]
    pub duedate: Option<String>,
    /// Unix seconds of its deletion; 0 = it is there.
    #[serde(default, rename = "deletedAt")]
    pub deleted_at: i64,
    /// Unix seconds of the last change, comments included.
    #[serde(default, rename = "lastModified")]
    pub last_modified: i64,
    /// Comments on it.
    #[serde(default, rename = "commentsCount")]
    pub comments_count: i64,
    /// Version.
    #[serde(default, rename = "ETag")]
    pub etag: String,
}

impl Card {
    /// Whether people see it on its board: neither deleted nor archived.
    pub fn is_open(&self) -> bool {
        self.deleted_at == 0 && !self.archived
    }
}

/// A label on a card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Label {
    /// Title.
    #[serde(default)]
    pub title: String,
}

/// Somebody who is to work on a card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Assignment {
    /// The account, group or team.
    pub participant: Participant,
}

/// An account, group or team.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Participant {
    /// Name for people.
    #[serde(default, rename = "displayname")]
    pub display_name: String,
}

/// A comment on a card.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct CardComment {
    /// Id.
    pub id: i64,
    /// Text, with mentions as `@uid`.
    #[serde(default)]
    pub message: String,
    /// Name of the author.
    #[serde(default, rename = "actorDisplayName")]
    pub author: String,
    /// When it was written, as Deck writes it.
    #[serde(default, rename = "creationDateTime")]
    pub written: String,
}

/// `null` is the same as nothing.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl UserSession {
    /// `GET /boards`, with `If-None-Match` when a version is known. [`NextcloudError::NotFound`] when Deck is away.
    pub async fn deck_boards(&self, known: Option<&str>) -> Result<Boards, NextcloudError> {
        let mut call = Call::get(format!("{BASE}/boards")).header("accept", "application/json")?;
        if let Some(known) = known {
            call = call.header("if-none-match", &format!("\"{known}\""))?;
        }
        let answer = self.send(call).await?;
        if answer.status() == StatusCode::NOT_MODIFIED {
            return Ok(Boards::Unchanged);
        }
        let etag = answer.etag();
        let at = answer
            .header("date")
            .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
            .map(|date| date.with_timezone(&Utc));
        Ok(Boards::Listed(BoardList {
            boards: answer.json().await?,
            etag,
            at,
        }))
    }

    /// `GET /boards/{id}/stacks`: the board's lists with their cards, archived ones left out by Deck. A board that is
    /// not this user's, or not there, is [`NextcloudError::Forbidden`].
    pub async fn deck_stacks(&self, board: i64) -> Result<Vec<Stack>, NextcloudError> {
        let call = Call::get(format!("{BASE}/boards/{board}/stacks")).header("accept", "application/json")?;
        self.send(call).await?.json().await
    }

    /// Up to `limit` comments of a card, the newest first.
    pub async fn deck_comments(&self, card: i64, limit: usize) -> Result<Vec<CardComment>, NextcloudError> {
        let mut comments: Vec<CardComment> = Vec::new();
        while comments.len() < limit {
            let size = COMMENTS_PAGE.min(limit - comments.len());
            let call = Call::get(format!(
                "{OCS_BASE}/cards/{card}/comments?format=json&limit={size}&offset={}",
                comments.len()
            ))
            .header("accept", "application/json")?;
            let page: Vec<CardComment> = ocs::data(self.send(call).await?).await?;
            let last = page.len() < size;
            comments.extend(page);
            if last {
                break;
            }
        }
        Ok(comments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_the_last_second_is_not_settled() {
        let list = |at: Option<i64>| BoardList {
            boards: Vec::new(),
            etag: None,
            at: at.and_then(|at| DateTime::from_timestamp(at, 0)),
        };
        let board: Board = serde_json::from_str(r#"{"id": 4, "lastModified": 1795410749}"#).unwrap();
        assert!(!list(Some(1_795_410_749)).is_settled(&board));
        assert!(!list(Some(1_795_410_750)).is_settled(&board));
        assert!(list(Some(1_795_410_751)).is_settled(&board));
        assert!(!list(None).is_settled(&board));
    }

    #[test]
    fn null_lists_are_empty() {
        let card: Card =
            serde_json::from_str(r#"{"id": 7, "labels": null, "assignedUsers": null, "description": null}"#)
                .unwrap();
        assert!(card.labels.is_empty() && card.assigned.is_empty() && card.description.is_empty());
        assert!(card.is_open());
    }
}

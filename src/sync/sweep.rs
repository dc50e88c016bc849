//! The bulk fetch of a user's notes, page by page.

use super::claim::{self, Claimed, Named, Phase};
use super::{Remote, SyncEngine, SyncError, sources};
use crate::ids::UserId;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::HashMap;

/// Pages of a bulk fetch looked through in one turn before another user is served.
const PAGES_PER_TURN: usize = 5;

/// After all pages were seen, what is still wanted is fetched one by one for this long.
const SWEEP_REST: TimeDelta = TimeDelta::minutes(10);

/// How far the bulk fetch of a user's notes has come. Lost at a restart, which only costs reading pages again.
#[derive(Debug, Clone, PartialEq)]
pub enum Sweep {
    /// Next cursor; `None` at the beginning.
    Running(Option<String>),
    /// All pages were seen; not again before this time.
    Rested(DateTime<Utc>),
}

impl Sweep {
    /// All pages were seen, or none can be had.
    pub fn rested(now: DateTime<Utc>) -> Self {
        Self::Rested(now + SWEEP_REST)
    }
}

/// Where to go on with the bulk fetch, when it pays.
pub async fn due(engine: &SyncEngine, user: &UserId) -> Result<Option<Option<String>>, SyncError> {
    let now = engine.clock.now();
    match engine.sweep(user) {
        Some(Sweep::Running(cursor)) => return Ok(Some(cursor)),
        Some(Sweep::Rested(until)) if until > now => return Ok(None),
        _ => {}
    }
    let counts = sqlx::query!(
        r#"select count(*) filter (where d.state = 'pending' and d.queue_uid = $1 and d.due_at <= $2
                                   and (d.lease_until is null or d.lease_until < $2)) as "wanted!",
                  count(*) as "total!"
           from document_readers r join documents d on d.id = r.document_id
           where r.uid = $1 and r.doc_type = 'note'"#,
        user.as_str(),
        now
    )
    .fetch_one(&engine.pool)
    .await?;
    Ok(sources::bulk_pays(counts.wanted, counts.total).then_some(None))
}

/// Reads pages until one holds wanted notes.
pub async fn pages(
    engine: &SyncEngine,
    user: &UserId,
    remote: &dyn Remote,
    start: Option<String>,
) -> Result<Vec<(Claimed, Bytes)>, SyncError> {
    let mut cursor = start;
    for _ in 0..PAGES_PER_TURN {
        let page = sources::bulk_page(remote, cursor.as_deref()).await?;
        let now = engine.clock.now();
        let next = match &page.next {
            Some(next) => Sweep::Running(Some(next.clone())),
            None => Sweep::rested(now),
        };
        engine.set_sweep(user, next);
        let mut contents: HashMap<String, Bytes> = page.notes.into_iter().collect();
        let ids: Vec<String> = contents.keys().cloned().collect();
        let limit = i64::from(sources::BULK_PAGE);
        let notes = Named {
            family: "file",
            ids: &ids,
        };
        let claimed = claim::claim(&engine.pool, Phase::Text, user, Some(notes), limit, now).await?;
        if !claimed.is_empty() || page.next.is_none() {
            return Ok(claimed
                .into_iter()
                .filter_map(|document| {
                    contents
                        .remove(&document.native_id)
                        .map(|content| (document, content))
                })
                .collect());
        }
        cursor = page.next;
    }
    Ok(Vec::new())
}

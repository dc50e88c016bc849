//! Who may ask the service now: searches at once, indexing in the gaps.

use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

/// Searches asked about at one time; more would only wait at the service.
const SEARCHES: usize = 16;

/// Places for requests.
pub(super) struct Turns {
    searches: Semaphore,
    indexing: Semaphore,
    /// Searches under way.
    under_way: watch::Sender<usize>,
    /// Longest that indexing waits for searches to end: it must go on under constant load too.
    longest_yield: Duration,
}

/// A search's turn.
pub(super) struct SearchTurn<'t> {
    _counted: Counted<'t>,
    _place: Option<SemaphorePermit<'t>>,
}

/// A search under way, also while it waits for its place.
struct Counted<'t>(&'t Turns);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0
            .under_way
            .send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Turns {
    /// `indexing`: requests of indexing at one time.
    pub(super) fn new(indexing: usize, longest_yield: Duration) -> Self {
        Self {
            searches: Semaphore::new(SEARCHES),
            indexing: Semaphore::new(indexing.max(1)),
            under_way: watch::Sender::new(0),
            longest_yield,
        }
    }

    /// For a search: waits for other searches only.
    pub(super) async fn search(&self) -> SearchTurn<'_> {
        self.under_way.send_modify(|count| *count += 1);
        let counted = Counted(self);
        SearchTurn {
            // The semaphore is never closed.
            _place: self.searches.acquire().await.ok(),
            _counted: counted,
        }
    }

    /// For a batch of indexing: also waits until no search is under way.
    pub(super) async fn indexing(&self) -> Option<SemaphorePermit<'_>> {
        let place = self.indexing.acquire().await.ok();
        let mut under_way = self.under_way.subscribe();
        let quiet = under_way.wait_for(|count| *count == 0);
        drop(tokio::time::timeout(self.longest_yield, quiet).await);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn indexing_yields_to_searches_and_not_the_other_way() {
        let turns = Turns::new(1, Duration::from_mins(1));
        let busy = turns.indexing().await;
        let search = turns.search().now_or_never().expect("at once");
        drop(busy);
        assert!(turns.indexing().now_or_never().is_none());
        drop(search);
        assert!(turns.indexing().now_or_never().is_some());
        // A search that was given up while it waited is not counted on.
        drop(turns.search());
        assert!(turns.indexing().now_or_never().is_some());
    }

    #[tokio::test]
    async fn indexing_goes_on_under_constant_load() {
        let turns = Turns::new(1, Duration::from_millis(1));
        let _search = turns.search().await;
        assert!(turns.indexing().await.is_some());
    }
}

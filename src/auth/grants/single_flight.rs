//! One refresh per user at a time in this process; the others wait and find its result in the database.

use crate::ids::UserId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::OwnedMutexGuard;

/// Places that nobody holds are cleared away when there are this many.
const CLEAR_AT: usize = 1_024;

/// A lock per user.
#[derive(Debug, Default)]
pub(super) struct SingleFlight(Mutex<HashMap<UserId, Weak<tokio::sync::Mutex<()>>>>);

impl SingleFlight {
    /// Waits until nobody else is in flight for `user`.
    pub(super) async fn enter(&self, user: &UserId) -> OwnedMutexGuard<()> {
        self.place(user).lock_owned().await
    }

    fn place(&self, user: &UserId) -> Arc<tokio::sync::Mutex<()>> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = places.get(user).and_then(Weak::upgrade) {
            return place;
        }
        if places.len() >= CLEAR_AT {
            places.retain(|_, place| place.strong_count() > 0);
        }
        let place = Arc::default();
        places.insert(user.clone(), Arc::downgrade(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn one_user_at_a_time_and_users_do_not_wait_for_each_other() {
        let flights = SingleFlight::default();
        let (alice, bob) = (UserId::new("alice"), UserId::new("bob"));
        let first = flights.enter(&alice).await;
        assert!(flights.enter(&alice).now_or_never().is_none());
        assert!(flights.enter(&bob).now_or_never().is_some());
        drop(first);
        assert!(flights.enter(&alice).now_or_never().is_some());
    }

    #[tokio::test]
    async fn places_that_nobody_holds_are_cleared_away() {
        let flights = SingleFlight::default();
        let held = flights.enter(&UserId::new("alice")).await;
        for n in 0..2 * CLEAR_AT {
            drop(flights.enter(&UserId::new(n.to_string())).await);
        }
        assert!(flights.0.lock().unwrap().len() <= CLEAR_AT);
        assert!(flights.enter(&UserId::new("alice")).now_or_never().is_none());
        drop(held);
    }
}

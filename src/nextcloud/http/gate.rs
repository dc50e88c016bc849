//! One gate per host: how many requests at one time, whose first, and whether at all.

use super::Priority;
use super::circuit::{Admission, Circuit, HostFault};
use crate::clock::SharedClock;
use crate::entropy::SharedEntropy;
use crate::nextcloud::NextcloudError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places that background work leaves to interactive requests.
const RESERVED: usize = 2;

/// Concurrency limit and back-off of one host.
#[derive(Debug)]
pub(super) struct Gate {
    places: Arc<Semaphore>,
    background: Arc<Semaphore>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    circuit: Mutex<Circuit>,
    clock: SharedClock,
    entropy: SharedEntropy,
}

impl Shared {
    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Gate {
    pub(super) fn new(max_concurrency: usize, clock: SharedClock, entropy: SharedEntropy) -> Self {
        let places = max_concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(places)),
            background: Arc::new(Semaphore::new(places.saturating_sub(RESERVED).max(1))),
            shared: Arc::new(Shared {
                circuit: Mutex::new(Circuit::new()),
                clock,
                entropy,
            }),
        }
    }

    /// Waits for a place. While the host is in trouble it fails at once instead, so that a job can come back later.
    pub(super) async fn enter(&self, priority: Priority) -> Result<Ticket, NextcloudError> {
        self.shared.circuit().check(self.shared.clock.now())?;
        // Background work queues for its own places first: at most that many of it stand in the common queue.
        let background = match priority {
            Priority::Interactive => None,
            Priority::Background => Some(place(&self.background).await?),
        };
        let common = place(&self.places).await?;
        let admission = self.shared.circuit().admit(self.shared.clock.now())?;
        Ok(Ticket {
            shared: self.shared.clone(),
            admission: Some(admission),
            _places: (background, common),
        })
    }
}

async fn place(semaphore: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, NextcloudError> {
    Semaphore::acquire_owned(semaphore.clone())
        .await
        .map_err(|_closed| NextcloudError::Unreachable("the client is shut down".to_owned()))
}

/// A request's place: held until its body is read, and told how the host behaved.
#[derive(Debug)]
pub(super) struct Ticket {
    shared: Arc<Shared>,
    admission: Option<Admission>,
    _places: (Option<OwnedSemaphorePermit>, OwnedSemaphorePermit),
}

impl Ticket {
    /// The host is well, whatever it thinks of this request.
    pub(super) fn alive(&mut self) {
        if let Some(admission) = self.admission.take() {
            self.shared.circuit().alive(admission);
        }
    }

    /// The host is in trouble.
    pub(super) fn failed(&mut self, fault: HostFault, retry_after: Option<Duration>) {
        let Some(admission) = self.admission.take() else {
            return;
        };
        let mut random = [0; 4];
        self.shared.entropy.fill(&mut random);
        let jitter = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
        let now = self.shared.clock.now();
        self.shared
            .circuit()
            .failed(admission, fault, retry_after, now, jitter);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(admission) = self.admission.take() {
            self.shared.circuit().abandoned(admission);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::entropy::SystemEntropy;
    use futures::FutureExt;

    #[tokio::test]
    async fn background_work_leaves_two_places() {
        let gate = Gate::new(4, Arc::new(SystemClock), Arc::new(SystemEntropy));
        let _bulk = [
            gate.enter(Priority::Background).await.unwrap(),
            gate.enter(Priority::Background).await.unwrap(),
        ];
        assert!(
            gate.enter(Priority::Background).now_or_never().is_none(),
            "a third one waits"
        );
        let first = gate.enter(Priority::Interactive).now_or_never();
        let second = gate.enter(Priority::Interactive).now_or_never();
        assert!(
            first.is_some() && second.is_some(),
            "interactive requests do not wait behind it"
        );
        assert!(
            gate.enter(Priority::Interactive).now_or_never().is_none(),
            "the limit holds"
        );
        drop(first);
        assert!(
            gate.enter(Priority::Interactive).now_or_never().is_some(),
            "a place is given back"
        );
    }

    #[tokio::test]
    async fn even_one_place_serves_both() {
        let gate = Gate::new(0, Arc::new(SystemClock), Arc::new(SystemEntropy));
        drop(gate.enter(Priority::Background).await.unwrap());
        drop(gate.enter(Priority::Interactive).await.unwrap());
    }

    #[tokio::test]
    async fn requests_that_waited_for_a_place_are_refused_when_the_host_failed_meanwhile() {
        let gate = Gate::new(1, Arc::new(SystemClock), Arc::new(SystemEntropy));
        let mut first = gate.enter(Priority::Interactive).await.unwrap();
        let mut waiting = Box::pin(gate.enter(Priority::Interactive));
        assert!((&mut waiting).now_or_never().is_none());
        first.failed(HostFault::Throttled, None);
        drop(first);
        assert!(matches!(waiting.await, Err(NextcloudError::Throttled { .. })));
    }
}

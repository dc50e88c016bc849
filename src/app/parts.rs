//! The tasks that a running server consists of.

use super::AppError;
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How long the stop waits for what [`Parts::at_end`] was given: the longest refresh of a grant, with its writes.
const FINISHING: Duration = Duration::from_secs(45);

/// Tasks that end together, when the shutdown token is cancelled.
pub(super) struct Parts {
    tasks: JoinSet<(&'static str, Result<(), AppError>)>,
    finishing: Vec<(&'static str, BoxFuture<'static, ()>)>,
    shutdown: CancellationToken,
}

impl Parts {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            finishing: Vec::new(),
            shutdown: CancellationToken::new(),
        }
    }

    /// Cancelled when the server stops.
    pub(super) fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Starts a part that ends by itself at the shutdown.
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        work: impl Future<Output = Result<(), AppError>> + Send + 'static,
    ) {
        self.tasks.spawn(async move { (name, work.await) });
    }

    /// Starts a part that never ends; it is dropped at the shutdown.
    pub(super) fn spawn_endless(
        &mut self,
        name: &'static str,
        work: impl Future<Output = ()> + Send + 'static,
    ) {
        let shutdown = self.shutdown();
        self.spawn(name, async move {
            tokio::select! {
                () = work => Err(AppError::PartEnded(name)),
                () = shutdown.cancelled() => Ok(()),
            }
        });
    }

    /// Runs `work` when all parts have ended or were dropped: it outlives their grace, because a loss cannot be made good
    /// at the next start.
    pub(super) fn at_end(&mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.finishing.push((name, Box::pin(work)));
    }

    /// Waits until a part ends although nobody asked it to.
    pub(super) async fn failed(&mut self) -> AppError {
        match self.tasks.join_next().await {
            Some(Ok((_, Err(error)))) => error,
            Some(Ok((part, Ok(())))) => AppError::PartEnded(part),
            Some(Err(_)) => AppError::PartEnded("a part of the server"),
            None => std::future::pending().await,
        }
    }

    /// Waits until all parts have ended, at most `grace`; then the rest is dropped. What must be finished gets its own
    /// time after that.
    pub(super) async fn end(&mut self, grace: Duration) {
        self.shutdown.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!("not everything ended in time; unfinished work is done again at the next start");
            self.tasks.abort_all();
        }
        for (name, work) in self.finishing.drain(..) {
            if tokio::time::timeout(FINISHING, work).await.is_err() {
                tracing::warn!(name, "not finished in time");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn what_must_be_finished_outlives_a_part_that_does_not_end() {
        let mut parts = Parts::new();
        let (part_lives, part_dropped) = oneshot::channel::<()>();
        parts.spawn("a part that hangs", async move {
            let _held = part_lives;
            std::future::pending().await
        });
        let stored = Arc::new(AtomicBool::default());
        let storing = Arc::clone(&stored);
        parts.at_end("storing", async move {
            assert!(part_dropped.await.is_err(), "after the parts, not beside them");
            storing.store(true, Ordering::SeqCst);
        });
        parts.end(Duration::ZERO).await;
        assert!(stored.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn nothing_is_finished_before_the_stop() {
        let mut parts = Parts::new();
        let finished = Arc::new(AtomicBool::default());
        let finishing = Arc::clone(&finished);
        parts.at_end("storing", async move { finishing.store(true, Ordering::SeqCst) });
        parts.spawn("a part", async { Ok(()) });
        assert!(matches!(parts.failed().await, AppError::PartEnded("a part")));
        assert!(!finished.load(Ordering::SeqCst));
        parts.end(Duration::ZERO).await;
        assert!(finished.load(Ordering::SeqCst));
    }
}

//! The tasks that a running server consists of.

use super::AppError;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Tasks that end together, when the shutdown token is cancelled.
pub(super) struct Parts {
    tasks: JoinSet<(&'static str, Result<(), AppError>)>,
    shutdown: CancellationToken,
}

impl Parts {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
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

    /// Waits until a part ends although nobody asked it to.
    pub(super) async fn failed(&mut self) -> AppError {
        match self.tasks.join_next().await {
            Some(Ok((_, Err(error)))) => error,
            Some(Ok((part, Ok(())))) => AppError::PartEnded(part),
            Some(Err(_)) => AppError::PartEnded("a part of the server"),
            None => std::future::pending().await,
        }
    }

    /// Waits until all parts have ended, at most `grace`; then the rest is dropped.
    pub(super) async fn end(&mut self, grace: Duration) {
        self.shutdown.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!("not everything ended in time; unfinished work is done again at the next start");
            self.tasks.abort_all();
        }
    }
}

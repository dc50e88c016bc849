//! A database that is away at the start is waited for; health probes are answered meanwhile.

use super::{AppError, Foundation};
use crate::api;
use crate::config::Config;
use crate::db::OpenError;
use std::net::TcpListener;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pause between two attempts; each attempt itself waits for the database.
const PAUSE: Duration = Duration::from_secs(1);

/// What running requests get when the real server takes over.
const HANDOVER: Duration = Duration::from_secs(1);

/// Opens the foundation, however long the database is away. `listener` answers that the server starts.
pub(super) async fn open(
    config: &Config,
    listener: Option<&TcpListener>,
    shutdown: &CancellationToken,
) -> Result<Foundation, AppError> {
    let started = CancellationToken::new();
    let answering = match listener {
        Some(listener) => {
            let listener = tokio::net::TcpListener::from_std(listener.try_clone()?)?;
            let serving = api::serve(listener, api::starting_router(), started.clone(), HANDOVER);
            Some(tokio::spawn(serving))
        }
        None => None,
    };
    let opened = attempts(config, shutdown).await;
    started.cancel();
    if let Some(answering) = answering
        && let Ok(Err(error)) = answering.await
    {
        tracing::warn!(%error, "the starting server ended badly");
    }
    opened
}

async fn attempts(config: &Config, shutdown: &CancellationToken) -> Result<Foundation, AppError> {
    loop {
        let attempt = tokio::select! {
            attempt = Foundation::open(config) => attempt,
            () = shutdown.cancelled() => return Err(AppError::StoppedAtStart),
        };
        match attempt {
            Err(AppError::Database(error @ OpenError::Unreachable(_))) => {
                tracing::error!(%error, "waiting for the database");
            }
            other => return other,
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shutdown.cancelled() => return Err(AppError::StoppedAtStart),
        }
    }
}

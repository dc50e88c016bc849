//! SIGTERM and SIGINT: the first one asks politely, the second one ends the process.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that a second signal ended.
const INTERRUPTED: i32 = 130;

/// A token that the first SIGTERM or SIGINT cancels. The second one exits at once.
pub fn shutdown_token() -> std::io::Result<CancellationToken> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = CancellationToken::new();
    let cancel = token.clone();
    tokio::spawn(async move {
        let mut next = async || {
            tokio::select! {
                _ = terminate.recv() => (),
                _ = interrupt.recv() => (),
            }
        };
        next().await;
        tracing::info!("stopping; a second signal stops at once");
        cancel.cancel();
        next().await;
        std::process::exit(INTERRUPTED);
    });
    Ok(token)
}

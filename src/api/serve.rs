//! Listening.

use super::unread_body;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::serve::ListenerExt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Serves `router` on `listener` until `shutdown`; then running requests get `grace` to end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: CancellationToken,
    grace: Duration,
) -> io::Result<()> {
    // Without it a reply in two writes waits for the client's delayed acknowledgement: 40 ms each.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
    });
    let router = router.layer(from_fn_with_state(unread_body::PATIENCE, unread_body::settle));
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, service).with_graceful_shutdown(shutdown.clone().cancelled_owned());
    let out_of_time = async {
        shutdown.cancelled().await;
        tokio::time::sleep(grace).await;
    };
    tokio::select! {
        outcome = async { server.await } => outcome,
        () = out_of_time => {
            tracing::warn!("requests were still running at the end of the grace period");
            Ok(())
        }
    }
}

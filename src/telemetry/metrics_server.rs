//! `/metrics` on a port of its own, so that it is not reachable where clients are.

use super::metrics::Metrics;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;

/// How often recorded samples are folded together.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Serves `/metrics` at `listen` until the future is dropped.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve_metrics(listen: SocketAddr, metrics: Metrics) -> std::io::Result<()> {
    serve_metrics_on(TcpListener::bind(listen).await?, metrics).await
}

/// Like [`serve_metrics`], on a listener that is bound already.
///
/// # Errors
/// The listener failed.
pub async fn serve_metrics_on(listener: TcpListener, metrics: Metrics) -> std::io::Result<()> {
    let upkeep = metrics.clone();
    let upkeep = async move {
        let mut ticks = tokio::time::interval(UPKEEP_EVERY);
        loop {
            ticks.tick().await;
            upkeep.upkeep();
        }
    };
    tokio::select! {
        served = async { axum::serve(listener, router(metrics)).await } => served,
        never = upkeep => never,
    }
}

fn router(metrics: Metrics) -> Router {
    let page = move || async move {
        (
            [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
            metrics.render(),
        )
    };
    Router::new().route("/metrics", get(page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use metrics_exporter_prometheus::PrometheusBuilder;
    use tower::ServiceExt;

    #[tokio::test]
    async fn serves_the_page_and_nothing_else() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || metrics::counter!("seen_total").increment(1));
        let router = router(Metrics::of(&recorder));
        let request = |path: &str| Request::get(path).body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request("/metrics")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("seen_total 1"));
        let other = router.oneshot(request("/")).await.unwrap();
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }
}

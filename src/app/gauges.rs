//! Gauges that must be asked for: documents by state, points of the index.

use crate::index::VectorIndex;
use crate::sync::SyncStatusService;
use crate::telemetry::record;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(15);

/// Sets the gauges again and again; never ends.
pub(super) async fn publish(status: SyncStatusService, index: Arc<dyn VectorIndex>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // What cannot be asked keeps its last value; the readiness says why.
        if let Ok(now) = status.status(None).await {
            record::documents_in_state("pending", now.keyword.waiting);
            record::documents_in_state("searchable", now.dense.waiting);
            record::documents_in_state("indexed", now.dense.done);
            record::documents_in_state("skipped", now.skipped.iter().map(|(_, count)| count).sum());
            record::documents_in_state("dead", now.dead_letter_count);
        }
        if let Ok(seconds) = status.oldest_scan_seconds().await {
            record::oldest_scan(seconds);
        }
        if let Ok(stats) = index.stats().await {
            record::index_points(i64::try_from(stats.points).unwrap_or(i64::MAX));
        }
    }
}

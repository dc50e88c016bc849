//! The metrics: their names, and the recorder behind `/metrics`.
//!
//! Labels are few and fixed (routes, outcomes, sources): never a user, path, query or URL.

use super::memory;
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};

/// Requests answered, by `route`, `method` and `status`.
pub const HTTP_REQUESTS: &str = "ncmcp_http_requests_total";
/// Seconds until an answer, by `route`.
pub const HTTP_REQUEST_SECONDS: &str = "ncmcp_http_request_duration_seconds";
/// MCP tool calls, by `tool` and `outcome`.
pub const TOOL_CALLS: &str = "ncmcp_mcp_tool_calls_total";
/// Seconds of a tool call, by `tool`.
pub const TOOL_CALL_SECONDS: &str = "ncmcp_mcp_tool_call_duration_seconds";
/// Requests to Nextcloud, by `api` and `outcome`.
pub const NEXTCLOUD_REQUESTS: &str = "ncmcp_nextcloud_requests_total";
/// Seconds of a request to Nextcloud, by `api`.
pub const NEXTCLOUD_REQUEST_SECONDS: &str = "ncmcp_nextcloud_request_duration_seconds";
/// Scans, by `source` and `outcome`.
pub const SCANS: &str = "ncmcp_sync_scans_total";
/// Seconds of a scan, by `source`.
pub const SCAN_SECONDS: &str = "ncmcp_sync_scan_duration_seconds";
/// Documents by `state`.
pub const DOCUMENTS: &str = "ncmcp_sync_documents";
/// Documents worked on, by `phase` and `outcome`.
pub const DOCUMENTS_PROCESSED: &str = "ncmcp_sync_documents_processed_total";
/// Points in the vector index.
pub const INDEX_POINTS: &str = "ncmcp_index_points";
/// Seconds since the last complete scan of the active user who has waited longest.
pub const OLDEST_SCAN_SECONDS: &str = "ncmcp_sync_oldest_scan_seconds";
/// Seconds of a search, by `algorithm`.
pub const SEARCH_SECONDS: &str = "ncmcp_search_duration_seconds";
/// Results left out because their reader may not open them now.
pub const SEARCH_UNREADABLE: &str = "ncmcp_search_results_unreadable_total";
/// Refreshes of consented tokens, by `outcome`.
pub const TOKEN_REFRESHES: &str = "ncmcp_token_refreshes_total";
/// Deliveries of webhooks, by `outcome`.
pub const WEBHOOK_DELIVERIES: &str = "ncmcp_webhook_deliveries_total";
/// Seconds from an event at Nextcloud until its delivery came.
pub const WEBHOOK_LAG_SECONDS: &str = "ncmcp_webhook_lag_seconds";
/// Changes that scans found and no delivery has announced since, by `doc_type`.
pub const UNANNOUNCED_CHANGES: &str = "ncmcp_webhook_unannounced_changes";
/// Types of documents whose webhooks stay silent although scans find changes.
pub const SILENT_WEBHOOKS: &str = "ncmcp_webhooks_silent";
/// Documents read in child processes, by `task` and `outcome`.
pub const SANDBOX_TASKS: &str = "ncmcp_sandbox_tasks_total";
/// Seconds of such a process, by `task`.
pub const SANDBOX_SECONDS: &str = "ncmcp_sandbox_task_duration_seconds";
/// Anonymous resident memory of this process.
pub const RSS_ANON_BYTES: &str = "ncmcp_process_rss_anon_bytes";

const COUNTERS: [(&str, &str); 9] = [
    (
        SANDBOX_TASKS,
        "Documents read in child processes, by task and outcome.",
    ),
    (WEBHOOK_DELIVERIES, "Deliveries of webhooks, by outcome."),
    (HTTP_REQUESTS, "Requests answered, by route, method and status."),
    (TOOL_CALLS, "MCP tool calls, by tool and outcome."),
    (NEXTCLOUD_REQUESTS, "Requests to Nextcloud, by api and outcome."),
    (SCANS, "Scans, by source and outcome."),
    (TOKEN_REFRESHES, "Refreshes of consented tokens, by outcome."),
    (DOCUMENTS_PROCESSED, "Documents worked on, by phase and outcome."),
    (
        SEARCH_UNREADABLE,
        "Search results left out because their reader may not open them now.",
    ),
];
const GAUGES: [(&str, &str); 6] = [
    (
        UNANNOUNCED_CHANGES,
        "Changes that scans found and no delivery of a webhook has announced since, by doc_type.",
    ),
    (
        SILENT_WEBHOOKS,
        "Types of documents whose webhooks stay silent although scans find changes.",
    ),
    (
        OLDEST_SCAN_SECONDS,
        "Seconds since the last complete scan of the active user who has waited longest.",
    ),
    (DOCUMENTS, "Documents by state."),
    (INDEX_POINTS, "Points in the vector index."),
    (
        RSS_ANON_BYTES,
        "Anonymous resident memory of this process, in bytes.",
    ),
];
const HISTOGRAMS: [(&str, &str); 7] = [
    (
        WEBHOOK_LAG_SECONDS,
        "Seconds from an event at Nextcloud until its delivery came.",
    ),
    (SANDBOX_SECONDS, "Seconds of a document's child process, by task."),
    (HTTP_REQUEST_SECONDS, "Seconds until an answer, by route."),
    (TOOL_CALL_SECONDS, "Seconds of an MCP tool call, by tool."),
    (
        NEXTCLOUD_REQUEST_SECONDS,
        "Seconds of a request to Nextcloud, by api.",
    ),
    (SCAN_SECONDS, "Seconds of a scan, by source."),
    (SEARCH_SECONDS, "Seconds of a search, by algorithm."),
];
/// From a cached answer to a first scan.
const SECONDS_BUCKETS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 600.0,
];

/// Renders what was recorded.
#[derive(Debug, Clone)]
pub struct Metrics(PrometheusHandle);

/// Installs the process's recorder and describes the metrics. Call it once; without it the `metrics` macros do
/// nothing.
///
/// # Errors
/// [`BuildError`] when the process has a recorder already.
pub fn install() -> Result<Metrics, BuildError> {
    let handle = PrometheusBuilder::new()
        .set_buckets(&SECONDS_BUCKETS)?
        .install_recorder()?;
    describe();
    Ok(Metrics(handle))
}

fn describe() {
    for (name, description) in COUNTERS {
        metrics::describe_counter!(name, description);
    }
    for (name, description) in GAUGES {
        metrics::describe_gauge!(name, description);
    }
    for (name, description) in HISTOGRAMS {
        metrics::describe_histogram!(name, metrics::Unit::Seconds, description);
    }
}

impl Metrics {
    /// The text that Prometheus scrapes.
    pub fn render(&self) -> String {
        if let Some(bytes) = memory::rss_anon_bytes() {
            // By way of u32 kibibytes, because no lossless way leads from u64 to f64: enough for 4 TiB.
            let kibibytes = u32::try_from(bytes / 1024).unwrap_or(u32::MAX);
            metrics::gauge!(RSS_ANON_BYTES).set(f64::from(kibibytes) * 1024.0);
        }
        self.0.run_upkeep();
        self.0.render()
    }

    /// Folds recorded histogram samples together, so that they do not pile up while nobody scrapes. Call it
    /// every few seconds.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }

    #[cfg(test)]
    pub(super) fn of(recorder: &metrics_exporter_prometheus::PrometheusRecorder) -> Self {
        Self(recorder.handle())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_descriptions_values_and_buckets() {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&SECONDS_BUCKETS)
            .unwrap()
            .build_recorder();
        let page = metrics::with_local_recorder(&recorder, || {
            describe();
            metrics::counter!(SCANS, "source" => "files", "outcome" => "ok").increment(2);
            metrics::histogram!(SEARCH_SECONDS, "algorithm" => "hybrid").record(0.003);
            Metrics::of(&recorder).render()
        });
        assert!(page.contains("# HELP ncmcp_sync_scans_total Scans"), "{page}");
        assert!(
            page.contains(r#"ncmcp_sync_scans_total{source="files",outcome="ok"} 2"#),
            "{page}"
        );
        assert!(page.contains(r#"le="0.005"} 1"#), "{page}");
        assert!(page.contains(RSS_ANON_BYTES), "{page}");
    }
}
